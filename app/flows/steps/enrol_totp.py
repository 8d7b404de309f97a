"""Step: set up an authenticator app, up to the code that confirms it."""

from dataclasses import dataclass
from typing import Final

import segno

from app.core.clock import Clock
from app.core.errors import Conflict
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.model import AccountSnapshot
from app.domain.accounts.store import AccountStore
from app.domain.factors.store import FactorStore, MatchedCode
from app.domain.factors.totp import new_secret, uri_of
from app.domain.tokens.jwt_tokens import InvalidToken
from app.flows.steps.check_second_factor import FactorsUnreadable, WrongCode

MAX_FACTORS: Final = 5


class TooManyFactors(Conflict):
    """The account has as many authenticator apps as it may have."""

    code = "too_many_factors"
    detail = f"An account has at most {MAX_FACTORS} authenticator apps. Remove one first."


@dataclass(frozen=True, slots=True)
class TotpEnrolment:
    """What an authenticator app needs. It is shown once. `qr` is a data: URI of an SVG image of `uri`."""

    id: int
    secret: str
    uri: str
    qr: str


@dataclass(frozen=True, slots=True)
class EnrolTotp:
    """Creates the secret, and checks the code that shows that the app has it."""

    work: UnitOfWork
    clock: Clock
    accounts: AccountStore
    factors: FactorStore
    service: str

    def start(self, account: AccountSnapshot, name: str | None) -> TotpEnrolment:
        """A factor that does not count yet; it replaces any other such. Raises `TooManyFactors`."""
        secret = new_secret()
        with self.work as work:
            if not self.accounts.lock_if_unchanged(account):
                raise InvalidToken
            if self.factors.count(account.id) >= MAX_FACTORS:
                raise TooManyFactors
            factor_id = self.factors.start(account.id, name, secret, self.clock.now())
            work.commit()
        uri = uri_of(secret, account=account.email, service=self.service)
        return TotpEnrolment(factor_id, secret, uri, segno.make(uri, error="m").svg_data_uri(scale=4))

    def check(self, account: AccountSnapshot, factor_id: int, code: str) -> MatchedCode:
        """The code, if it is that of the factor. Raises `NoSuchFactor` or `WrongCode`."""
        factor = self.factors.unconfirmed(account.id, factor_id)
        try:
            matched = self.factors.match([factor], code, self.clock.now())
        except ValueError as error:
            raise FactorsUnreadable from error
        if matched is None:
            raise WrongCode
        return matched
