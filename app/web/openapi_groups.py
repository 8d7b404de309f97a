"""The groups of operations in the OpenAPI document: one for each blueprint, in the order of a reader."""

from typing import Any, Final

GROUPS: Final = {
    "sign-in": "Sign up, sign in with a password, refresh, sign out, reauthenticate.",
    "second-factor": "The second step of a sign-in, and setting up a factor that is required.",
    "passkey-sign-in": "Sign in and sign up with a passkey (WebAuthn).",
    "email-sign-in": "Sign in with a link or a code that is sent by email.",
    "providers": "Sign in with Google, Apple, Microsoft, GitHub and other identity providers.",
    "app-sign-in": "Tokens for an app whose user has signed in on the hosted pages.",
    "invitation": "Answer an invitation with a passkey. For a password, use reset-password.",
    "account": "The account of the caller: profile, export, deletion.",
    "email": "Confirm an email address, change it, and undo the change.",
    "password-change": "Change the password while signed in.",
    "password-reset": "A forgotten password: send an email, and set a new one by its link or code.",
    "passkeys": "The passkeys of the account.",
    "factors": "Authenticator apps, recovery codes and trusted devices.",
    "identities": "Accounts at identity providers that sign in to this account.",
    "sessions": "Where the account is signed in.",
    "activity": "What happened to the account.",
    "admin-users": "For administrators: find, invite, correct, disable and delete accounts.",
    "admin-claims": "For administrators: claims in the access tokens of an account.",
    "admin-invitations": "For administrators: invitations that are open.",
    "admin-sessions": "For administrators: sessions of an account.",
    "admin-figures": "For administrators: key figures.",
    "admin": "For administrators: audit log, outbox, signing keys.",
    "service": "Metadata, public keys and health checks, for other programs.",
    "associated-apps": "Files with which mobile systems check that an app belongs to this service.",
}


def group_of(endpoint: str) -> str:
    """The group of an endpoint: the name of its blueprint."""
    return endpoint.partition(".")[0].replace("_", "-")


def groups_of(used: set[str]) -> list[dict[str, Any]]:
    """The groups that the document has, with their descriptions; those of other APIs last."""
    known = [{"name": name, "description": text} for name, text in GROUPS.items() if name in used]
    return [*known, *({"name": name} for name in sorted(used - GROUPS.keys()))]
