"""What an outside identity provider says about a person."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """A person as an identity provider knows them, after everything the provider sent was checked.

    `issuer` and `subject` together name the person, and never change (OpenID Connect Core 2). `provider` is the id in
    PROVIDERS: it is for people to read, and may be renamed. `email_trusted` says that the operator relies on this
    provider for this address; if it is False, the address may belong to somebody else. The names are as the provider
    sent them, and may not fit their columns.
    """

    provider: str
    issuer: str
    subject: str
    email: str | None
    email_trusted: bool
    first_name: str | None
    last_name: str | None
