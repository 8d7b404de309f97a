"""The composition root: every part is constructed here, by name, from the settings."""

import random
from datetime import timedelta
from urllib.parse import urlsplit

from flask import Flask

from app.auth import Auth, Mailbox
from app.core.clock import Clock
from app.core.event_counter import Tally
from app.core.tcp_probe import Port
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.administrators import Administrators
from app.domain.accounts.breached_passwords import Breaches
from app.domain.accounts.hash_slots import HashSlots
from app.domain.accounts.model import SNAPSHOT_COLUMNS, AccountSnapshot
from app.domain.accounts.passwords import Passwords
from app.domain.accounts.search import AccountDirectory
from app.domain.accounts.store import AccountStore
from app.domain.audit.chain import Chain
from app.domain.audit.chain_head import HeadStore
from app.domain.audit.event_types import Tag
from app.domain.audit.journal import Journal
from app.domain.audit.seal import Sealer
from app.domain.audit.verify import Verifier
from app.domain.email_actions.store import ChallengeStore
from app.domain.leases.store import Leases
from app.domain.limits.attempts import Guesses
from app.domain.limits.counters import Counters
from app.domain.mail.outbox import Outbox
from app.domain.mail.renderer import Letters
from app.domain.mail.smtp import SmtpPost, init_mail
from app.domain.sessions.store import Lifetimes, SessionStore
from app.domain.tokens.codes import Codes
from app.domain.tokens.csrf import CsrfTokens
from app.domain.tokens.jwt_tokens import LEEWAY_SECONDS, BearerTokens
from app.domain.tokens.keyring import KeyRing
from app.domain.tokens.links import Links
from app.flows.account_deletion import Deletion
from app.flows.account_recovery import NotMe
from app.flows.activity import Activity
from app.flows.admin_accounts import Administration
from app.flows.admin_sessions import AdministeredSessions
from app.flows.audit_log import AuditTrail
from app.flows.audit_sealing import Audit
from app.flows.cleanup import Housekeeping
from app.flows.compat import Classic
from app.flows.csrf import Csrf
from app.flows.email_change import EmailChange
from app.flows.email_verification import EmailVerification
from app.flows.export import Export
from app.flows.health import Health
from app.flows.key_rotation import KeyRotation
from app.flows.mail_delivery import MailDelivery
from app.flows.mail_queue import MailQueue
from app.flows.own_sessions import Devices
from app.flows.password_change import PasswordChange
from app.flows.password_reset import PasswordReset
from app.flows.profile import Profile
from app.flows.registration import Registration
from app.flows.sessions import Sessions
from app.flows.sign_in import SignIn
from app.flows.stats import Figures
from app.flows.steps.check_password import CheckPassword
from app.flows.steps.compose_email import Letterhead, PrepareLetter
from app.flows.steps.find_email_action import MeetChallenge
from app.flows.steps.issue_tokens import IssueTokens
from app.flows.steps.open_session import OpenSession
from app.flows.steps.purge_account import EraseAccount
from app.flows.steps.recognize_device import KnownDevice
from app.flows.steps.replace_password import ReplacePassword
from app.flows.steps.require_administrator import RequireAdministrator
from app.flows.steps.require_recent_auth import RequireFresh
from app.flows.steps.require_unreserved_email import RequireUnreserved
from app.flows.steps.revoke_access import RevokeAccess
from app.flows.steps.schedule_deletion import DeleteAccount
from app.flows.template_previews import LetterPreviews
from config import Settings


def build_auth(app: Flask, settings: Settings, *, clock: Clock, mailbox: Mailbox | None = None) -> Auth:
    """Construct every part once, in the order of the layers, and return the facade."""
    # Domain
    work, journal_counter = UnitOfWork(), Tally(Tag)
    accounts, administrators, directory = AccountStore(), Administrators(), AccountDirectory()
    sessions, challenges, leases = _session_store(settings), ChallengeStore(), Leases()
    outbox, letters = Outbox(host_of(settings)), Letters(settings.letters_path)
    link_secrets = _link_secrets(settings)
    links, codes, csrf = Links(link_secrets, clock), Codes(link_secrets), CsrfTokens(link_secrets)
    keys = _key_ring(settings, clock)
    tokens = _bearer_tokens(app, settings, keys)
    guesses = Guesses(Counters(settings.redis_url), enabled=settings.ratelimit_enabled)
    hash_slots = _hash_slots(settings)
    passwords = _passwords(settings, hash_slots)
    chain = Chain(_secrets_at_rest(settings))
    heads = HeadStore(chain)
    sealer, verifier = Sealer(chain, heads), Verifier(chain, heads)
    journal = Journal(chain, journal_counter)

    # Steps
    issue_tokens = IssueTokens(tokens)
    known_device = KnownDevice(clock, links, tokens)
    open_session = OpenSession(accounts, sessions, known_device, outbox, journal)
    revoke_access = RevokeAccess(sessions, challenges)
    require_unreserved = RequireUnreserved(challenges)
    check_password = CheckPassword(
        work, clock, accounts, passwords, guesses, known_device, journal, settings.require_verified_email
    )
    require_fresh = RequireFresh(clock, check_password, timedelta(seconds=settings.fresh_seconds))
    require_administrator = RequireAdministrator(require_fresh)
    meet_challenge = MeetChallenge(work, clock, accounts, challenges, links, codes, guesses, journal)
    replace_password = ReplacePassword(work, clock, accounts, challenges, revoke_access, outbox, journal)
    erase_account = EraseAccount(work, accounts, challenges, outbox, journal)
    delete_account = DeleteAccount(
        work,
        accounts,
        administrators,
        challenges,
        outbox,
        journal,
        revoke_access,
        erase_account,
        grace=timedelta(days=settings.deletion_grace_days),
    )
    letterhead = _letterhead(settings)
    prepare_letter = PrepareLetter(work, clock, accounts, challenges, outbox, journal, links, codes, letterhead)

    # Flows
    return Auth(
        registration=Registration(
            work, clock, accounts, require_unreserved, passwords, sessions, issue_tokens, outbox, journal
        ),
        sign_in=SignIn(work, clock, check_password, known_device, open_session, sessions, issue_tokens, journal),
        sessions=Sessions(
            work,
            clock,
            sessions,
            tokens,
            issue_tokens,
            journal,
            outbox,
            grace=timedelta(seconds=settings.refresh_grace_seconds),
        ),
        devices=Devices(work, clock, sessions, journal),
        csrf=Csrf(tokens, csrf),
        profile=Profile(clock, accounts),
        email_verification=EmailVerification(
            work, clock, accounts, challenges, meet_challenge, known_device, revoke_access, outbox, journal
        ),
        email_change=EmailChange(
            work,
            clock,
            accounts,
            challenges,
            meet_challenge,
            revoke_access,
            require_unreserved,
            outbox,
            journal,
            require_fresh,
            link_lifetime=letterhead.verify_link_lifetime,
        ),
        password_change=PasswordChange(
            work, clock, accounts, passwords, sessions, revoke_access, outbox, journal, require_fresh
        ),
        password_reset=PasswordReset(
            clock, accounts, passwords, meet_challenge, replace_password, known_device, outbox, guesses
        ),
        not_me=NotMe(work, clock, accounts, revoke_access, links, outbox, journal),
        deletion=Deletion(clock, require_fresh, delete_account),
        export=Export(
            clock,
            {
                "sessions": sessions.export,
                "challenges": challenges.export,
                "outbox": outbox.export,
                "audit_events": journal.export,
            },
        ),
        administration=Administration(
            work,
            clock,
            accounts,
            directory,
            administrators,
            passwords,
            outbox,
            journal,
            require_administrator,
            require_unreserved,
            delete_account,
            revoke_access,
        ),
        administered_sessions=AdministeredSessions(work, clock, accounts, sessions, journal, require_administrator),
        audit_trail=AuditTrail(journal),
        activity=Activity(journal),
        audit=Audit(work, heads, sealer, verifier),
        classic=Classic(
            work,
            clock,
            accounts,
            administrators,
            passwords,
            _lasting_sessions(),
            challenges,
            links,
            meet_challenge,
            replace_password,
            require_unreserved,
            revoke_access,
            erase_account,
            outbox,
            journal,
            token_lifetime=letterhead.reset_link_lifetime,
        ),
        keys=KeyRotation(
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
            work, clock, outbox, prepare_letter, letters, _mail_transport(app, settings), random.SystemRandom()
        ),
        mail_queue=MailQueue(work, clock, outbox, journal, require_administrator),
        letters=LetterPreviews(letters),
        housekeeping=Housekeeping(
            work,
            clock,
            accounts,
            sessions,
            challenges,
            outbox,
            erase_account,
            heads,
            sealer,
            leases,
            events_kept=timedelta(days=settings.audit_retention_days),
            interval=timedelta(minutes=settings.housekeeping_minutes),
        ),
        health=Health(keys, _probes(settings)),
        figures=Figures(clock, hash_slots, journal_counter, outbox, sessions),
        mailbox=mailbox,
    )


def _hash_slots(settings: Settings) -> HashSlots:
    # Together three quarters of the threads, unless there are more slots than half of these: the rest needs no hash.
    slots, threads = settings.hash_slots, settings.threads
    return HashSlots(slots, queue=min(4 * slots, max(threads // 4, slots)), room=max(threads // 2 - slots, 0))


def _passwords(settings: Settings, slots: HashSlots) -> Passwords:
    return Passwords(
        rounds=settings.bcrypt_rounds,
        min_length=settings.password_min_length,
        slots=slots,
        breaches=Breaches(settings.breached_passwords_url),
        service=("latchkey", host_of(settings)),
        allow_common=settings.allow_common_passwords,
    )


def _session_store(settings: Settings) -> SessionStore[AccountSnapshot]:
    idle, absolute = settings.jwt_refresh_token_expires, settings.session_lifetime
    lifetimes = Lifetimes(idle=timedelta(seconds=idle), absolute=timedelta(seconds=absolute))
    return SessionStore(lifetimes, AccountSnapshot, SNAPSHOT_COLUMNS)


def _lasting_sessions() -> SessionStore[AccountSnapshot]:
    never = timedelta(days=3_650)
    return SessionStore(Lifetimes(idle=never, absolute=never), AccountSnapshot, SNAPSHOT_COLUMNS)


def _key_ring(settings: Settings, clock: Clock) -> KeyRing:
    longest = timedelta(seconds=settings.jwt_refresh_token_expires + LEEWAY_SECONDS)
    return KeyRing(clock, first=settings.signing_key, secrets=_secrets_at_rest(settings), longest=longest)


def _link_secrets(settings: Settings) -> tuple[str, ...]:
    return settings.secret_key, *settings.secret_key_fallbacks


def _secrets_at_rest(settings: Settings) -> tuple[str, ...]:
    # Where there is a secret for what rests, whoever learns SECRET_KEY can plant no signing key and forge no event.
    fallbacks = settings.key_encryption_secret_fallbacks
    if settings.key_encryption_secret:
        return settings.key_encryption_secret, *fallbacks
    return settings.secret_key, *fallbacks, *settings.secret_key_fallbacks


def _bearer_tokens(app: Flask, settings: Settings, keys: KeyRing) -> BearerTokens:
    lifetime = timedelta(seconds=settings.jwt_access_token_expires)
    tokens = BearerTokens(keys, access_lifetime=lifetime, issuer=settings.public_url, audience=settings.jwt_audience)
    tokens.install(app)
    return tokens


def host_of(settings: Settings) -> str:
    """The name that people reach us by."""
    return urlsplit(settings.public_url).hostname or "localhost"


def _probes(settings: Settings) -> dict[str, Port]:
    redis = urlsplit(settings.redis_url)
    others = {"redis": Port(redis.hostname or "localhost", redis.port or 6379)} if settings.redis_url else {}
    return others | {"mail": Port(settings.mail_server, settings.mail_port)}


def _letterhead(settings: Settings) -> Letterhead:
    return Letterhead(
        public_url=settings.public_url,
        sign_in_url=settings.sign_in_url,
        reset_password_url=settings.reset_password_url,
        verify_email_url=settings.verify_email_url,
        reset_link_lifetime=timedelta(seconds=settings.reset_link_expires),
        verify_link_lifetime=timedelta(seconds=settings.verify_link_expires),
    )


def _mail_transport(app: Flask, settings: Settings) -> SmtpPost:
    init_mail(
        app,
        server=settings.mail_server,
        port=settings.mail_port,
        username=settings.mail_username,
        password=settings.mail_password,
        use_tls=settings.mail_use_tls,
        use_ssl=settings.mail_use_ssl,
        default_sender=settings.mail_default_sender,
        timeout=settings.mail_timeout,
    )
    return SmtpPost()
