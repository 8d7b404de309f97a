"""Every text fits its column before it gets there: PostgreSQL and MariaDB refuse a longer one, which would be a 500."""

import hashlib
import json
import uuid

import pytest
import sqlalchemy as sa

from app.core.base64url import encode
from app.core.client_info import ClientInfo
from app.core.database import db
from app.core.encryption import encrypt as encrypted
from app.domain.accounts.claims import MAX_BYTES, claims_text
from app.domain.accounts.emails import parse_address
from app.domain.accounts.roles import role_words
from app.domain.audit.chain import GENESIS
from app.domain.audit.event_types import EventType
from app.domain.email_actions.model import Purpose
from app.domain.factors.totp import new_secret
from app.domain.mail.model import DEAD, DROPPED, QUEUED, SENT
from app.domain.mail.outbox import MAX_ERROR, Outbox
from app.domain.mail.renderer import EmailRenderer
from app.domain.tokens.keys import ALGORITHMS, encrypt, new_key
from app.flows.cleanup import TASK
from app.web.api.account import UpdateAccountRequest
from app.web.compat.user_service.db import MAX_HASH
from tests.support.api import ANN, PASSWORD, bearer, make_admin, sign_up
from tests.support.profile import long, sized

MIB = "x" * 2**20
MARIADB_TEXT = 2**16 - 1  # bytes, where a column names no length
DIGEST = encode(hashlib.sha256().digest())
UUID, SHA256 = str(uuid.uuid4()), hashlib.sha256().hexdigest()
ADDRESS = f"{'a' * 64}@{'.'.join(['x' * 61] * 3)}.com"
STRANGER = ClientInfo(ip=MIB, user_agent=MIB, languages=(MIB,))
MEMBERS = {
    name: shape["anyOf"][0]["maxLength"]
    for name, shape in UpdateAccountRequest.model_json_schema()["properties"].items()
}
ROLES = role_words(["r" * 24 + str(number) for number in range(9)] + ["s" * 21])  # one more character is refused
MESSAGE = Outbox("x" * 60 + "." + "y" * 60 + ".example.com")._row("reset_password", None, "ann@example.com")
# The longest text that can reach each column, made by what bounds it.
LONGEST = {
    "accounts.id": UUID,
    "accounts.email": parse_address(ADDRESS).typed,
    "accounts.email_canonical": parse_address(ADDRESS).canonical,
    "accounts.password_hash": "x" * MAX_HASH,  # our own have 82 characters; the compatibility API takes foreign ones
    "accounts.first_name": "x" * MEMBERS["first_name"],
    "accounts.last_name": "x" * MEMBERS["last_name"],
    "accounts.locale": "x" * MEMBERS["locale"],
    "accounts.roles": ROLES,
    "accounts.claims": claims_text({"x": "y" * (MAX_BYTES - 8)}),
    "audit_events.event": max(EventType, key=len),
    "audit_events.result": max((tag.result for tag in EventType), key=len),
    "audit_events.account_id": UUID,
    "audit_events.actor_id": UUID,
    "audit_events.session_id": UUID,
    "audit_events.ip": STRANGER.ip,
    "audit_events.user_agent": STRANGER.user_agent,
    "audit_events.details": json.dumps({"roles": ROLES, "before": ROLES}),  # no client's own text
    "audit_events.salt": "0" * 32,
    "audit_events.commitment": SHA256,
    "audit_events.entry_hash": SHA256,
    "audit_events.erasure": SHA256,
    "audit_head.entry_hash": GENESIS,
    "audit_head.purged_hash": GENESIS,
    "audit_head.signature": SHA256,
    "email_actions.account_id": UUID,
    "email_actions.purpose": max(Purpose, key=len),
    "email_actions.address": parse_address(ADDRESS).typed,
    "email_actions.reserved": parse_address(ADDRESS).canonical,
    "email_sign_ins.mailbox": parse_address(ADDRESS).canonical,
    "email_sign_ins.attempt_digest": DIGEST,
    "email_sign_ins.user_agent": STRANGER.user_agent,
    "identities.digest": DIGEST,
    "identities.provider": "x" * 32,
    "identities.issuer": "x" * 255,
    "identities.subject": "x" * 255,
    "identities.email": parse_address(ADDRESS).typed,
    "identities.account_id": UUID,
    "leases.task": TASK,
    "leases.holder": UUID,
    "outbox.kind": max(EmailRenderer(None).kinds(), key=len),
    "outbox.account_id": UUID,
    "outbox.address": parse_address(ADDRESS).canonical,
    "outbox.mailbox": parse_address(ADDRESS).canonical,
    "outbox.parameters": json.dumps([ADDRESS, STRANGER.ip, STRANGER.user_agent]),
    "outbox.locale": max("x" * MEMBERS["locale"], STRANGER.language, key=len),
    "outbox.message_id": MESSAGE["message_id"],
    "outbox.state": max(DEAD, DROPPED, QUEUED, SENT, key=len),
    "outbox.claim": UUID,
    "outbox.error": "x" * MAX_ERROR,
    "passkeys.digest": DIGEST,
    "passkeys.credential_id": encode(bytes(1_023)),  # the longest id that WebAuthn allows
    "passkeys.public_key": encode(bytes(1_024)),
    "passkeys.name": "x" * 60,
    "passkeys.transports": " ".join(["smart-card", "hybrid", "internal", "usb", "nfc", "ble", "cable"]),
    "passkeys.aaguid": UUID,
    "passkeys.account_id": UUID,
    "recovery_codes.digest": DIGEST,
    "recovery_codes.account_id": UUID,
    "sessions.id": UUID,
    "sessions.account_id": UUID,
    "sessions.ip": STRANGER.ip,
    "sessions.user_agent": STRANGER.user_agent,
    "sessions.idempotency_key_hash": SHA256,
    "sessions.auth_methods": "pwd otp hwk swk user fed email mfa",
    "signing_keys.kid": encode(hashlib.sha256().digest()),
    "signing_keys.algorithm": max(ALGORITHMS, key=len),
    "signing_keys.private_key": encrypt(new_key("RS256"), bytes(32)),
    "spent_challenges.digest": DIGEST,
    "totp_factors.name": "x" * 60,
    "totp_factors.secret": encrypted(new_secret().encode(), bytes(32)),
    "totp_factors.account_id": UUID,
    "trusted_devices.digest": DIGEST,
    "trusted_devices.ip": STRANGER.ip,
    "trusted_devices.user_agent": STRANGER.user_agent,
    "trusted_devices.account_id": UUID,
}
ODD = [
    "x" * 5_000,
    "é" * 401,
    "a\0b",
    "\0",
    "\x7f\x80\x85\x9f",
    "\ud800",
    " ",
    ",;=%\\'\"",
    "😀" * 100,
    "ﷺ" * 99,
    "%00",
]
ODD_ADDRESSES = [
    "fe80::1%aaaaaaaaaaaa", "fe80::1%" + "a" * 500, "2001:db8:1111:2222:3333:4444:5555:6666%" + "z" * 40,
    "::ffff:192.0.2.1%eth0", "192.0.2.1%eth0", "192.0.2.1" + "," * 500, "x" * 5_000, "\0", "é", "1e400",
]  # fmt: skip
ODD_EMAILS = [
    ADDRESS, "A" + ADDRESS[1:], f"ann@{'ü' * 50}.com", f"ann@{'ﷺ' * 9}.com", f"ann@{'ß' * 60}.example",
    f"{'ﬁ' * 60}@example.com", f"ann@{'.'.join(['ü' * 40] * 5)}.com",
]  # fmt: skip


def text_columns():
    """Each column of each table that keeps text."""
    for table in db.metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, sa.String | sa.JSON):
                yield column


def test_the_longest_text_fits_its_column():
    columns = {f"{column.table.name}.{column.name}": column for column in text_columns()}
    assert LONGEST.keys() == columns.keys()
    room = {name: getattr(column.type, "length", None) or MARIADB_TEXT for name, column in columns.items()}
    assert {name: len(LONGEST[name]) for name in columns if len(LONGEST[name]) > room[name]} == {}


def test_every_untrusted_text_is_printable():
    made = ClientInfo(ip="\0", user_agent="a\0b\ud800", languages=("d\x85e", "fr"))
    assert (made.ip, made.user_agent, made.languages) == (" ", "a b ", ("d e", "fr"))


def headers_with(odd):
    """Headers of a proxy of ours that pass on what a client made up."""
    header = "".join(character for character in odd if ord(character) < 256)  # as WSGI has them
    return {"User-Agent": header, "Accept-Language": header, "X-Request-ID": header, "Idempotency-Key": header[:255],
            "X-Forwarded-For": header, "Cookie": f"latchkey_device={header}"}  # fmt: skip


class Client:
    """Sends what nobody should, through a proxy that is trusted, and remembers what was answered with a 5xx."""

    def __init__(self, app):
        self.client, self.failed = app.test_client(), []

    def send(self, method, path, headers, token=None, **sent):
        headers = headers | (bearer(token) if token else {})
        answer = self.client.open(
            path, method=method, headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"}, **sent
        )
        if answer.status_code >= 500:
            self.failed.append((method, path, headers, sent, answer.text))
        return answer

    def act(self, number, headers):
        """What writes rows: signing up, in, out and wrongly; asking for emails; changing the account."""
        mine = {"email": f"ann{number}@example.com", "password": PASSWORD}
        tokens = self.send("POST", "/api/v1/auth/signup", headers, json=mine).json
        access = tokens["access_token"]
        self.send("POST", "/api/v1/auth/refresh", headers, tokens["refresh_token"])
        self.send("POST", "/api/v1/auth/login", headers, json=mine)
        self.send("POST", "/api/v1/auth/login", headers, json=mine | {"password": "a wrong horse battery"})
        self.send("POST", "/api/v1/forgot-password", headers, json={"email": mine["email"]})
        self.send("POST", "/api/v1/auth/reauthenticate", headers, access, json={"password": "a wrong horse battery"})
        self.send("PUT", "/api/v1/account/email", headers, access, json={"email": f"bob{number}@example.com"})
        self.send("PUT", "/api/v1/account/password", headers, access, json={"password": "a new horse battery"})
        self.send("GET", "/api/v1/account/activity", headers, access)
        self.send("DELETE", "/api/v1/account", headers, access, json={"password": "a new horse battery"})

    def write(self, odd, token):
        """The same text as each member of a body, and in each place of a query or path."""
        for member in ("first_name", "last_name", "locale"):
            self.send("PATCH", "/api/v1/account", {}, token, json={member: odd})
        self.send("POST", "/api/v1/admin/users", {}, token, json={"email": odd, "roles": [odd], "first_name": odd})
        self.send("POST", "/api/v1/auth/signup", {}, json={"email": odd, "password": PASSWORD})
        self.send("POST", "/api/v1/auth/login", {}, json={"email": odd, "password": odd})
        self.send("POST", "/api/v1/forgot-password", {}, json={"email": odd})
        self.send("POST", "/api/v1/reset-password", {}, json={"reset_token": odd, "password": PASSWORD})
        self.send("POST", "/api/v1/verify-email", {}, json={"email": odd, "code": odd})
        self.send("PUT", "/api/v1/account/email", {}, token, json={"email": odd})
        query = odd.encode(errors="replace")
        for path, name in (("users", "search"), ("users", "after"), ("audit", "tag"), ("mail", "after")):
            self.send("GET", f"/api/v1/admin/{path}", {}, token, query_string={name: query})
        self.send("POST", "/users", {}, data={"email": query, "password": query})
        self.send("PUT", "/reset_password", {}, data={"email": query, "reset_token": query, "new_password": query})


@long
@pytest.mark.settings(
    trusted_proxies=["127.0.0.1"], compat_api=True, public_url=f"http://{'x' * 60}.{'y' * 60}.example"
)
def test_no_accepted_value_exceeds_its_column(each_app, auth):
    client = Client(each_app)
    token = sign_up(each_app.test_client(), **ANN)["access_token"]
    make_admin(each_app)
    odd_headers = [*map(headers_with, ODD), *({"X-Forwarded-For": odd} for odd in ODD_ADDRESSES)]
    for number, headers in enumerate(odd_headers[:: sized(4, 1)]):
        client.act(number, headers)
    for odd in [*ODD, *ODD_EMAILS]:
        client.write(odd, token)
    while auth.mail_delivery.deliver_due():
        pass
    assert client.failed == []
    assert too_long(each_app) == []


def too_long(app):
    """The values in the tables that are longer than their columns; SQLite would not mind."""
    with app.app_context(), db.engine.connect() as connection:
        return [
            (str(column), value)
            for column in text_columns()
            for value in connection.scalars(sa.select(column))
            if isinstance(value, str) and len(value) > (column.type.length or MARIADB_TEXT)
        ]
