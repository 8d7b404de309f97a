"""The domain of one app: everything that knows nothing of flows."""

from flask import Flask
from prometheus_client import CollectorRegistry

from app.container import parts
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.administrators import Administrators
from app.domain.accounts.invitations import Invitations
from app.domain.accounts.search import AccountSearch
from app.domain.accounts.store import AccountStore
from app.domain.accounts.unverified import UnverifiedAccounts
from app.domain.audit.chain import Chain
from app.domain.audit.chain_head import ChainHeadStore
from app.domain.audit.journal import Journal
from app.domain.audit.seal import Sealer
from app.domain.audit.verify import Verifier
from app.domain.challenges.challenges import Challenges
from app.domain.challenges.store import SpentChallenges
from app.domain.email_actions.store import EmailActionStore
from app.domain.email_actions.undos import UndoStore
from app.domain.email_sign_ins.store import EmailSignInStore
from app.domain.factors.recovery_codes import RecoveryCodes
from app.domain.factors.store import FactorStore
from app.domain.identities.store import IdentityStore
from app.domain.leases.store import Leases
from app.domain.limits.attempts import AttemptLimiter
from app.domain.limits.counters import Counters
from app.domain.mail.outbox import Outbox
from app.domain.mail.renderer import EmailRenderer
from app.domain.passkeys.store import PasskeyStore
from app.domain.providers.registry import Providers
from app.domain.tokens.codes import Codes
from app.domain.tokens.csrf import CsrfTokens
from app.domain.tokens.links import Links
from app.domain.tokens.sealed import SealedTokens
from app.domain.trusted_devices.store import TrustedDeviceStore
from config import Settings


class Domain:
    """The stores and rules of every entity, one of each."""

    def __init__(self, app: Flask, settings: Settings, clock: Clock) -> None:
        self.work, self.registry = UnitOfWork(), CollectorRegistry()
        self.accounts, self.administrators, self.account_search = AccountStore(), Administrators(), AccountSearch()
        self.unverified_accounts, self.invitations = UnverifiedAccounts(), Invitations()
        self.permissions = parts.permissions(settings)
        self.sessions, self.leases = parts.session_store(settings), Leases()
        self.email_actions, self.undos = EmailActionStore(), UndoStore()
        self.email_sign_ins, self.identities = EmailSignInStore(), IdentityStore()
        self.outbox = Outbox(parts.host_of(settings), parts.email_limit(settings))
        self.renderer = EmailRenderer(settings.email_templates_path, settings.brand_name)
        self.link_secrets = parts.link_secrets(settings)
        self.links, self.codes = Links(self.link_secrets, clock), Codes(self.link_secrets)
        self.csrf = CsrfTokens(self.link_secrets)
        self.factors, self.recovery_codes = FactorStore(parts.secrets_at_rest(settings)), RecoveryCodes()
        self.trusted_devices, self.passkeys = TrustedDeviceStore(), PasskeyStore()
        self.relying_party, self.spent_challenges = parts.relying_party(settings), SpentChallenges()
        self.challenges, self.sealed = Challenges(self.link_secrets, clock), SealedTokens(self.link_secrets, clock)
        self.providers = Providers(settings.providers, clock)
        self.keys = parts.key_ring(settings, clock)
        self.tokens = parts.bearer_tokens(app, settings, self.keys)
        self.rates = parts.rates(settings)
        self.attempt_limiter = AttemptLimiter(
            Counters(settings.redis_url), self.rates["ratelimit_guesses"] if settings.ratelimit_enabled else ()
        )
        self.hash_slots = parts.hash_slots(settings, self.registry)
        self.passwords = parts.passwords(settings, self.hash_slots)
        self.chain = Chain(parts.secrets_at_rest(settings))
        self.chain_heads = ChainHeadStore(self.chain)
        self.sealer = Sealer(self.chain, self.chain_heads, enabled=settings.audit_sealing == "on")
        self.verifier = Verifier(self.chain, self.chain_heads)
        self.journal = Journal(self.chain, parts.event_counter(self.registry))
        self.exporters = {
            "sessions": self.sessions.export,
            "email_actions": self.email_actions.export,
            "outbox": self.outbox.export,
            "audit_events": self.journal.export,
            "totp_factors": self.factors.export,
            "recovery_codes": self.recovery_codes.export,
            "trusted_devices": self.trusted_devices.export,
            "passkeys": self.passkeys.export,
            "identities": self.identities.export,
            "email_sign_ins": self.email_sign_ins.export,
        }
