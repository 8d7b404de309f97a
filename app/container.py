"""The composition root: every part is constructed here, by name, from the settings."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from flask import Flask
from limits import RateLimitItem
from prometheus_client import CollectorRegistry, Counter

from app.auth import Auth, Mailbox
from app.core.clock import Clock
from app.core.counting import parse_rates
from app.core.tcp_probe import TcpProbe
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.administrators import Administrators
from app.domain.accounts.breached_passwords import BreachedPasswords
from app.domain.accounts.hash_slots import HashSlots
from app.domain.accounts.model import SNAPSHOT_COLUMNS, AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.search import AccountSearch
from app.domain.accounts.store import AccountStore
from app.domain.accounts.unverified import UnverifiedAccounts
from app.domain.audit.chain import Chain
from app.domain.audit.chain_head import ChainHeadStore
from app.domain.audit.event_types import EventType
from app.domain.audit.journal import Journal
from app.domain.audit.seal import Sealer
from app.domain.audit.verify import Verifier
from app.domain.email_actions.store import EmailActionStore
from app.domain.leases.store import Leases
from app.domain.limits.attempts import AttemptLimiter
from app.domain.limits.counters import Counters
from app.domain.mail.outbox import Outbox
from app.domain.mail.rate_limit import EmailLimit
from app.domain.mail.renderer import EmailRenderer
from app.domain.mail.sender import helo_name_of, parse_helo_name, parse_sender
from app.domain.mail.smtp import SmtpTransport, init_mail
from app.domain.sessions.store import Lifetimes
from app.domain.tokens.codes import Codes
from app.domain.tokens.csrf import CsrfTokens
from app.domain.tokens.jwt_tokens import LEEWAY_SECONDS, JwtTokens
from app.domain.tokens.keyring import KeyRing
from app.domain.tokens.links import Links
from app.flows.account_correction import AccountCorrection
from app.flows.account_deletion import AccountDeletion
from app.flows.account_recovery import AccountRecovery
from app.flows.activity import Activity
from app.flows.admin_accounts import AdminAccounts
from app.flows.admin_sessions import AdminSessions
from app.flows.audit_log import AuditLog
from app.flows.audit_sealing import AuditSealing
from app.flows.cleanup import Cleanup
from app.flows.compat import Compat
from app.flows.csrf import Csrf
from app.flows.email_change import EmailChange
from app.flows.email_verification import EmailVerification
from app.flows.export import Export
from app.flows.health import Health
from app.flows.key_rotation import KeyRotation
from app.flows.mail_delivery import MailDelivery
from app.flows.mail_queue import MailQueue
from app.flows.own_sessions import OwnSessions
from app.flows.password_change import PasswordChange
from app.flows.password_reset import PasswordReset
from app.flows.profile import Profile
from app.flows.registration import Registration
from app.flows.sessions import Sessions
from app.flows.sign_in import SignIn
from app.flows.stats import Stats
from app.flows.steps.check_password import CheckPassword
from app.flows.steps.compose_email import ComposeEmail, EmailSettings
from app.flows.steps.find_email_action import FindEmailAction
from app.flows.steps.identity import AccountSessions
from app.flows.steps.issue_tokens import IssueTokens
from app.flows.steps.notify import Notify
from app.flows.steps.open_session import OpenSession
from app.flows.steps.purge_account import PurgeAccount
from app.flows.steps.recognize_device import RecognizeDevice
from app.flows.steps.replace_password import ReplacePassword
from app.flows.steps.require_administrator import RequireAdministrator
from app.flows.steps.require_recent_auth import RequireRecentAuth
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail
from app.flows.steps.revoke_access import RevokeAccess
from app.flows.steps.schedule_deletion import ScheduleDeletion
from app.flows.template_previews import TemplatePreviews
from config import Settings, SettingsError

Parsed = TypeVar("Parsed")


def build_auth(app: Flask, settings: Settings, *, clock: Clock, mailbox: Mailbox | None = None) -> Auth:
    """Construct every part once, in the order of the layers, and return the facade."""
    # Domain
    work, registry = UnitOfWork(), CollectorRegistry()
    accounts, administrators, account_search = AccountStore(), Administrators(), AccountSearch()
    unverified_accounts = UnverifiedAccounts()
    sessions, email_actions, leases = _session_store(settings), EmailActionStore(), Leases()
    outbox, renderer = Outbox(host_of(settings), _email_limit(settings)), EmailRenderer(settings.email_templates_path)
    link_secrets = _link_secrets(settings)
    links, codes, csrf = Links(link_secrets, clock), Codes(link_secrets), CsrfTokens(link_secrets)
    keys = _key_ring(settings, clock)
    tokens = _bearer_tokens(app, settings, keys)
    rates = _rates(settings)
    attempt_limiter = AttemptLimiter(
        Counters(settings.redis_url), rates["ratelimit_guesses"] if settings.ratelimit_enabled else ()
    )
    hash_slots = _hash_slots(settings, registry)
    passwords = _passwords(settings, hash_slots)
    chain = Chain(_secrets_at_rest(settings))
    chain_heads = ChainHeadStore(chain)
    sealer = Sealer(chain, chain_heads, enabled=settings.audit_sealing == "on")
    verifier = Verifier(chain, chain_heads)
    journal = Journal(chain, _event_counter(registry))

    # Steps
    notify = Notify(outbox)
    issue_tokens = IssueTokens(tokens)
    recognize_device = RecognizeDevice(clock, links, tokens)
    open_session = OpenSession(accounts, sessions, recognize_device, notify, journal)
    lasting_sessions = _lasting_sessions()
    open_lasting_session = OpenSession(accounts, lasting_sessions, recognize_device, notify, journal)
    revoke_access = RevokeAccess(sessions, email_actions)
    require_unreserved_email = RequireUnreservedEmail(email_actions)
    check_password = CheckPassword(
        work, clock, accounts, passwords, attempt_limiter, recognize_device, journal, settings.require_verified_email
    )
    require_recent_auth = RequireRecentAuth(clock, check_password, timedelta(seconds=settings.reauth_window_seconds))
    require_administrator = RequireAdministrator(require_recent_auth)
    find_email_action = FindEmailAction(work, clock, accounts, email_actions, links, codes, attempt_limiter, journal)
    replace_password = ReplacePassword(work, clock, accounts, email_actions, revoke_access, notify, journal)
    purge_account = PurgeAccount(work, accounts, unverified_accounts, email_actions, outbox, journal)
    schedule_deletion = ScheduleDeletion(
        work,
        accounts,
        administrators,
        email_actions,
        notify,
        journal,
        revoke_access,
        purge_account,
        grace=timedelta(days=settings.deletion_grace_days),
    )
    email_settings = _email_settings(settings)
    compose_email = ComposeEmail(work, clock, accounts, email_actions, outbox, journal, links, codes, email_settings)

    # Flows
    return Auth(
        registration=Registration(
            work,
            clock,
            accounts,
            require_unreserved_email,
            passwords,
            open_session,
            issue_tokens,
            notify,
            journal,
            settings.require_verified_email,
        ),
        sign_in=SignIn(work, clock, check_password, recognize_device, open_session, sessions, issue_tokens, journal),
        sessions=Sessions(
            work,
            clock,
            sessions,
            tokens,
            issue_tokens,
            journal,
            revoke_access,
            notify,
            grace=timedelta(seconds=settings.refresh_grace_seconds),
        ),
        own_sessions=OwnSessions(work, clock, sessions, journal),
        csrf=Csrf(tokens, csrf),
        profile=Profile(clock, accounts),
        email_verification=EmailVerification(
            work, clock, accounts, email_actions, find_email_action, recognize_device, revoke_access, notify, journal
        ),
        email_change=EmailChange(
            work,
            clock,
            accounts,
            email_actions,
            find_email_action,
            revoke_access,
            require_unreserved_email,
            notify,
            journal,
            require_recent_auth,
            link_lifetime=email_settings.verify_link_lifetime,
        ),
        password_change=PasswordChange(
            work, clock, accounts, passwords, sessions, revoke_access, notify, journal, require_recent_auth
        ),
        password_reset=PasswordReset(
            clock, accounts, passwords, find_email_action, replace_password, recognize_device, notify, attempt_limiter
        ),
        account_recovery=AccountRecovery(work, clock, accounts, revoke_access, links, notify, journal),
        account_deletion=AccountDeletion(clock, require_recent_auth, schedule_deletion),
        export=Export(
            clock,
            {
                "sessions": sessions.export,
                "email_actions": email_actions.export,
                "outbox": outbox.export,
                "audit_events": journal.export,
            },
        ),
        admin_accounts=AdminAccounts(
            work,
            clock,
            accounts,
            account_search,
            administrators,
            passwords,
            notify,
            journal,
            require_administrator,
            require_unreserved_email,
            schedule_deletion,
            revoke_access,
        ),
        account_correction=AccountCorrection(
            work,
            clock,
            accounts,
            email_actions,
            notify,
            journal,
            require_administrator,
            require_unreserved_email,
            revoke_access,
        ),
        admin_sessions=AdminSessions(work, clock, accounts, sessions, journal, require_administrator, revoke_access),
        audit_log=AuditLog(journal),
        activity=Activity(journal),
        audit_sealing=AuditSealing(work, chain_heads, sealer, verifier),
        compat=Compat(
            work,
            clock,
            accounts,
            administrators,
            passwords,
            lasting_sessions,
            open_lasting_session,
            email_actions,
            links,
            find_email_action,
            replace_password,
            require_unreserved_email,
            revoke_access,
            purge_account,
            notify,
            journal,
            token_lifetime=email_settings.reset_link_lifetime,
        ),
        key_rotation=KeyRotation(
            work,
            keys,
            clock,
            journal,
            require_administrator,
            issuer=settings.public_url,
            audience=settings.jwt_audience,
            algorithm=settings.jwt_algorithm,
        ),
        mail_delivery=MailDelivery(
            work, clock, outbox, compose_email, renderer, _mail_transport(app, settings), random.SystemRandom()
        ),
        mail_queue=MailQueue(work, clock, outbox, journal, require_administrator),
        template_previews=TemplatePreviews(renderer),
        cleanup=Cleanup(
            work,
            clock,
            accounts,
            unverified_accounts,
            sessions,
            email_actions,
            outbox,
            purge_account,
            chain_heads,
            sealer,
            leases,
            events_kept=timedelta(days=settings.audit_retention_days),
            unverified_kept=timedelta(days=days) if (days := settings.unverified_account_days) else None,
            interval=timedelta(minutes=settings.cleanup_interval_minutes),
        ),
        health=Health(keys, _probes(settings), outbox),
        stats=Stats(clock, hash_slots, outbox, sessions, registry),
        mailbox=mailbox,
    )


def _event_counter(registry: CollectorRegistry) -> Counter:
    counter = Counter("latchkey_audit_events", "Events written to the audit log", ("event",), registry=registry)
    for event_type in EventType:
        counter.labels(event_type.value)  # creates it with a count of zero
    return counter


def _hash_slots(settings: Settings, registry: CollectorRegistry) -> HashSlots:
    # Together at most three quarters of the threads, so that requests that need no hash always find a free thread.
    slots, threads = settings.hash_slots, settings.threads
    rejected = Counter("latchkey_hash_slots_refused", "Password hashes rejected: no free slot", registry=registry)
    return HashSlots(
        slots,
        queue=min(4 * slots, max(threads // 4, slots)),
        max_blocked=max(threads // 2 - slots, 0),
        on_rejected=rejected.inc,
    )


def _passwords(settings: Settings, slots: HashSlots) -> Passwords:
    return Passwords(
        rounds=settings.bcrypt_rounds,
        min_length=settings.password_min_length,
        slots=slots,
        breached_passwords=BreachedPasswords(settings.breached_passwords_url),
        service=("latchkey", host_of(settings)),
        allow_common=settings.allow_common_passwords,
    )


def _session_store(settings: Settings) -> AccountSessions:
    idle, absolute = settings.jwt_refresh_token_expires, settings.session_lifetime
    lifetimes = Lifetimes(idle=timedelta(seconds=idle), absolute=timedelta(seconds=absolute))
    return AccountSessions(lifetimes, AccountSnapshot, SNAPSHOT_COLUMNS)


def _lasting_sessions() -> AccountSessions:
    never = timedelta(days=3_650)
    return AccountSessions(Lifetimes(idle=never, absolute=never), AccountSnapshot, SNAPSHOT_COLUMNS)


def _key_ring(settings: Settings, clock: Clock) -> KeyRing:
    lifetime = timedelta(seconds=settings.jwt_refresh_token_expires + LEEWAY_SECONDS)
    secrets = _secrets_at_rest(settings)
    return KeyRing(clock, first=settings.signing_key, secrets=secrets, max_token_lifetime=lifetime)


def _link_secrets(settings: Settings) -> tuple[str, ...]:
    return settings.secret_key, *settings.secret_key_fallbacks


def _secrets_at_rest(settings: Settings) -> tuple[str, ...]:
    # With a separate secret, an attacker who learns SECRET_KEY can neither insert a signing key nor forge an event.
    fallbacks = settings.key_encryption_secret_fallbacks
    if settings.key_encryption_secret:
        return settings.key_encryption_secret, *fallbacks
    return settings.secret_key, *fallbacks, *settings.secret_key_fallbacks


def _bearer_tokens(app: Flask, settings: Settings, keys: KeyRing) -> JwtTokens:
    lifetime = timedelta(seconds=settings.jwt_access_token_expires)
    tokens = JwtTokens(keys, access_lifetime=lifetime, issuer=settings.public_url, audience=settings.jwt_audience)
    tokens.init_jwt(app)
    return tokens


def host_of(settings: Settings) -> str:
    """The name that people reach us by."""
    return urlsplit(settings.public_url).hostname or "localhost"


def _probes(settings: Settings) -> dict[str, TcpProbe]:
    redis = urlsplit(settings.redis_url)
    others = {"redis": TcpProbe(redis.hostname or "localhost", redis.port or 6379)} if settings.redis_url else {}
    return others | {"mail": TcpProbe(settings.mail_server, settings.mail_port)}


def _rates(settings: Settings) -> dict[str, tuple[RateLimitItem, ...]]:
    """The rates of all RATELIMIT_ settings. Raises `SettingsError`."""
    texts = {name: text for name, text in settings if name.startswith("ratelimit_") and isinstance(text, str)}
    return {name: _valid(name.upper(), parse_rates, text) for name, text in texts.items()}


def _email_limit(settings: Settings) -> EmailLimit:
    return EmailLimit(settings.email_burst, timedelta(minutes=settings.email_interval_minutes))


def _helo_name(settings: Settings) -> str:
    if settings.mail_helo_name:
        return _valid("MAIL_HELO_NAME", parse_helo_name, settings.mail_helo_name)
    return helo_name_of(host_of(settings))


def _valid(name: str, parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def _email_settings(settings: Settings) -> EmailSettings:
    return EmailSettings(
        public_url=settings.public_url,
        sign_in_url=settings.sign_in_url,
        reset_password_url=settings.reset_password_url,
        verify_email_url=settings.verify_email_url,
        reset_link_lifetime=timedelta(seconds=settings.reset_link_expires),
        verify_link_lifetime=timedelta(seconds=settings.verify_link_expires),
    )


def _mail_transport(app: Flask, settings: Settings) -> SmtpTransport:
    init_mail(
        app,
        server=settings.mail_server,
        port=settings.mail_port,
        username=settings.mail_username,
        password=settings.mail_password,
        use_tls=settings.mail_use_tls,
        use_ssl=settings.mail_use_ssl,
        sender=_valid("MAIL_DEFAULT_SENDER", parse_sender, settings.mail_default_sender),
        helo_name=_helo_name(settings),
        timeout=settings.mail_timeout,
    )
    return SmtpTransport()
