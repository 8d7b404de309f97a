"""The composition root: every part is constructed here, by name, from the settings."""

import random
from datetime import timedelta

from flask import Flask
from prometheus_client import CollectorRegistry

from app import parts
from app.auth import Auth, Mailbox
from app.core.clock import Clock
from app.core.unit_of_work import UnitOfWork
from app.domain.accounts.administrators import Administrators
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
from app.domain.factors.recovery_codes import RecoveryCodes
from app.domain.factors.store import FactorStore
from app.domain.leases.store import Leases
from app.domain.limits.attempts import AttemptLimiter
from app.domain.limits.counters import Counters
from app.domain.mail.outbox import Outbox
from app.domain.mail.renderer import EmailRenderer
from app.domain.passkeys.store import PasskeyStore
from app.domain.tokens.codes import Codes
from app.domain.tokens.csrf import CsrfTokens
from app.domain.tokens.links import Links
from app.domain.trusted_devices.store import TrustedDeviceStore
from app.flows.account_correction import AccountCorrection
from app.flows.account_deletion import AccountDeletion
from app.flows.account_recovery import AccountRecovery
from app.flows.activity import Activity
from app.flows.admin_accounts import AdminAccounts
from app.flows.admin_sessions import AdminSessions
from app.flows.associated_apps import AssociatedApps
from app.flows.audit_log import AuditLog
from app.flows.audit_sealing import AuditSealing
from app.flows.cleanup import Cleanup
from app.flows.compat import Compat
from app.flows.csrf import Csrf
from app.flows.email_change import EmailChange
from app.flows.email_verification import EmailVerification
from app.flows.export import Export
from app.flows.factors import Factors
from app.flows.health import Health
from app.flows.key_rotation import KeyRotation
from app.flows.mail_delivery import MailDelivery
from app.flows.mail_queue import MailQueue
from app.flows.own_sessions import OwnSessions
from app.flows.passkey_sign_in import PasskeySignIn
from app.flows.passkey_sign_up import PasskeySignUp
from app.flows.passkeys import Passkeys
from app.flows.password_change import PasswordChange
from app.flows.password_reset import PasswordReset
from app.flows.profile import Profile
from app.flows.reauthentication import Reauthentication
from app.flows.registration import Registration
from app.flows.second_factor import SecondFactor
from app.flows.sessions import Sessions
from app.flows.sign_in import SignIn
from app.flows.stats import Stats
from app.flows.steps.add_passkey import AddPasskey
from app.flows.steps.allow_undo import AllowUndo
from app.flows.steps.change_factors import ChangeFactors
from app.flows.steps.check_passkey import CheckPasskey
from app.flows.steps.check_password import CheckPassword
from app.flows.steps.check_second_factor import CheckSecondFactor
from app.flows.steps.complete_sign_in import CompleteSignIn
from app.flows.steps.compose_email import ComposeEmail
from app.flows.steps.enrol_totp import EnrolTotp
from app.flows.steps.find_email_action import FindEmailAction
from app.flows.steps.issue_tokens import IssueTokens
from app.flows.steps.make_passkey_options import MakePasskeyOptions
from app.flows.steps.notify import Notify
from app.flows.steps.open_account import OpenAccount
from app.flows.steps.open_second_step import OpenSecondStep
from app.flows.steps.open_session import OpenSession
from app.flows.steps.purge_account import PurgeAccount
from app.flows.steps.recognize_device import RecognizeDevice
from app.flows.steps.replace_password import ReplacePassword
from app.flows.steps.require_administrator import RequireAdministrator
from app.flows.steps.require_recent_auth import RequireRecentAuth
from app.flows.steps.require_second_factor import RequireSecondFactor
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail
from app.flows.steps.revoke_access import RevokeAccess
from app.flows.steps.schedule_deletion import ScheduleDeletion
from app.flows.steps.second_factor_policy import SecondFactorPolicy
from app.flows.steps.sign_in_block import SignInBlock
from app.flows.template_previews import TemplatePreviews
from app.flows.trusted_devices import TrustedDevices
from config import Settings


def build_auth(app: Flask, settings: Settings, *, clock: Clock, mailbox: Mailbox | None = None) -> Auth:
    """Construct every part once, in the order of the layers, and return the facade."""
    # Domain
    work, registry = UnitOfWork(), CollectorRegistry()
    accounts, administrators, account_search = AccountStore(), Administrators(), AccountSearch()
    unverified_accounts = UnverifiedAccounts()
    sessions, email_actions, undos, leases = parts.session_store(settings), EmailActionStore(), UndoStore(), Leases()
    outbox = Outbox(parts.host_of(settings), parts.email_limit(settings))
    renderer = EmailRenderer(settings.email_templates_path)
    link_secrets = parts.link_secrets(settings)
    links, codes, csrf = Links(link_secrets, clock), Codes(link_secrets), CsrfTokens(link_secrets)
    factors, recovery_codes = FactorStore(parts.secrets_at_rest(settings)), RecoveryCodes()
    trusted_devices, passkeys = TrustedDeviceStore(), PasskeyStore()
    relying_party, spent_challenges = parts.relying_party(settings), SpentChallenges()
    challenges = Challenges(link_secrets, clock)
    keys = parts.key_ring(settings, clock)
    tokens = parts.bearer_tokens(app, settings, keys)
    rates = parts.rates(settings)
    attempt_limiter = AttemptLimiter(
        Counters(settings.redis_url), rates["ratelimit_guesses"] if settings.ratelimit_enabled else ()
    )
    hash_slots = parts.hash_slots(settings, registry)
    passwords = parts.passwords(settings, hash_slots)
    chain = Chain(parts.secrets_at_rest(settings))
    chain_heads = ChainHeadStore(chain)
    sealer = Sealer(chain, chain_heads, enabled=settings.audit_sealing == "on")
    verifier = Verifier(chain, chain_heads)
    journal = Journal(chain, parts.event_counter(registry))

    # Steps
    notify = Notify(outbox)
    allow_undo = AllowUndo(undos, notify)
    issue_tokens = IssueTokens(tokens)
    recognize_device = RecognizeDevice(clock, links, tokens)
    policy = SecondFactorPolicy(settings.second_factor)
    require_second_factor = RequireSecondFactor(policy, links, passkeys, recovery_codes, trusted_devices)
    open_session = OpenSession(require_second_factor, accounts, sessions, recognize_device, notify, journal)
    lasting_sessions = parts.lasting_sessions()
    open_lasting_session = OpenSession(
        require_second_factor, accounts, lasting_sessions, recognize_device, notify, journal
    )
    complete_sign_in = CompleteSignIn(work, clock, open_session, issue_tokens, journal)
    revoke_access = RevokeAccess(sessions, email_actions, trusted_devices)
    require_unreserved_email = RequireUnreservedEmail(undos)
    sign_in_block = SignInBlock(settings.require_verified_email)
    check_password = CheckPassword(
        work, clock, accounts, passwords, attempt_limiter, recognize_device, journal, sign_in_block
    )
    check_second_factor = CheckSecondFactor(work, clock, factors, recovery_codes, attempt_limiter, notify, journal)
    make_passkey_options = MakePasskeyOptions(challenges, relying_party)
    add_passkey = AddPasskey(clock, passkeys, challenges, spent_challenges, relying_party, journal)
    check_passkey = CheckPasskey(
        work, clock, accounts, passkeys, challenges, spent_challenges, relying_party, sign_in_block, notify, journal
    )
    open_second_step = OpenSecondStep(clock, accounts, links, sign_in_block)
    open_account = OpenAccount(
        work,
        clock,
        accounts,
        require_unreserved_email,
        open_session,
        issue_tokens,
        notify,
        journal,
        settings.require_verified_email,
    )
    change_factors = ChangeFactors(accounts, factors, recovery_codes, passkeys, notify, journal)
    enrol_totp = EnrolTotp(work, clock, accounts, factors, parts.host_of(settings))
    require_recent_auth = RequireRecentAuth(
        clock, check_password, policy, timedelta(seconds=settings.reauth_window_seconds)
    )
    require_administrator = RequireAdministrator(require_recent_auth)
    find_email_action = FindEmailAction(work, clock, accounts, email_actions, links, codes, attempt_limiter, journal)
    replace_password = ReplacePassword(work, clock, accounts, email_actions, passkeys, revoke_access, notify, journal)
    purge_account = PurgeAccount(work, accounts, unverified_accounts, undos, outbox, journal)
    schedule_deletion = ScheduleDeletion(
        work,
        accounts,
        administrators,
        undos,
        notify,
        journal,
        revoke_access,
        purge_account,
        grace=timedelta(days=settings.deletion_grace_days),
    )
    email_settings = parts.email_settings(settings)
    compose_email = ComposeEmail(
        work, clock, accounts, email_actions, undos, outbox, journal, links, codes, email_settings
    )

    # Flows
    return Auth(
        registration=Registration(passwords, open_account, issue_tokens),
        sign_in=SignIn(
            clock, check_password, recognize_device, require_second_factor, complete_sign_in, issue_tokens, journal
        ),
        passkey_sign_in=PasskeySignIn(
            make_passkey_options, passkeys, open_second_step, check_passkey, complete_sign_in, issue_tokens
        ),
        passkey_sign_up=PasskeySignUp(make_passkey_options, add_passkey, open_account, issue_tokens),
        second_factor=SecondFactor(
            work,
            clock,
            accounts,
            trusted_devices,
            open_second_step,
            check_second_factor,
            check_passkey,
            complete_sign_in,
            enrol_totp,
            change_factors,
            revoke_access,
            open_session,
            issue_tokens,
            journal,
            trust_lifetime=timedelta(days=settings.trusted_device_days),
        ),
        reauthentication=Reauthentication(
            work,
            clock,
            check_password,
            check_second_factor,
            check_passkey,
            make_passkey_options,
            passkeys,
            sessions,
            journal,
        ),
        factors=Factors(
            work,
            clock,
            accounts,
            factors,
            recovery_codes,
            sessions,
            links,
            policy,
            enrol_totp,
            change_factors,
            revoke_access,
            notify,
            journal,
            require_recent_auth,
            require_administrator,
        ),
        trusted_devices=TrustedDevices(work, clock, trusted_devices, journal),
        passkeys=Passkeys(
            work,
            clock,
            accounts,
            passkeys,
            relying_party,
            make_passkey_options,
            add_passkey,
            revoke_access,
            notify,
            journal,
            require_recent_auth,
        ),
        associated_apps=AssociatedApps(relying_party),
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
            work,
            clock,
            accounts,
            email_actions,
            find_email_action,
            recognize_device,
            revoke_access,
            change_factors,
            notify,
            journal,
        ),
        email_change=EmailChange(
            work,
            clock,
            accounts,
            email_actions,
            undos,
            passkeys,
            allow_undo,
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
        account_recovery=AccountRecovery(work, clock, accounts, passkeys, revoke_access, links, notify, journal),
        account_deletion=AccountDeletion(clock, require_recent_auth, schedule_deletion),
        export=Export(
            clock,
            {
                "sessions": sessions.export,
                "email_actions": email_actions.export,
                "outbox": outbox.export,
                "audit_events": journal.export,
                "totp_factors": factors.export,
                "recovery_codes": recovery_codes.export,
                "trusted_devices": trusted_devices.export,
                "passkeys": passkeys.export,
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
            allow_undo,
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
            factors,
            clock,
            journal,
            require_administrator,
            issuer=settings.public_url,
            audience=settings.jwt_audience,
            algorithm=settings.jwt_algorithm,
        ),
        mail_delivery=MailDelivery(
            work, clock, outbox, compose_email, renderer, parts.mail_transport(app, settings), random.SystemRandom()
        ),
        mail_queue=MailQueue(work, clock, outbox, journal, require_administrator),
        template_previews=TemplatePreviews(renderer),
        cleanup=Cleanup(
            work,
            clock,
            accounts,
            unverified_accounts,
            sessions,
            factors,
            trusted_devices,
            spent_challenges,
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
        health=Health(keys, parts.probes(settings), outbox),
        stats=Stats(clock, hash_slots, outbox, sessions, registry),
        mailbox=mailbox,
    )
