"""The composition root: every part is constructed here, by name, from the settings."""

import random
from datetime import timedelta

from flask import Flask

from app.auth import Auth, Mailbox
from app.container import administration, outside, parts
from app.container.domain import Domain
from app.container.steps import Steps
from app.core.clock import Clock
from app.flows.account_deletion import AccountDeletion
from app.flows.account_recovery import AccountRecovery
from app.flows.activity import Activity
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
from app.flows.key_figures import KeyFigures
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
from app.flows.template_previews import TemplatePreviews
from app.flows.trusted_devices import TrustedDevices
from config import Settings


def build_auth(app: Flask, settings: Settings, *, clock: Clock, mailbox: Mailbox | None = None) -> Auth:
    """Construct every part once, in the order of the layers, and return the facade."""
    domain = Domain(app, settings, clock)
    steps = Steps(domain, settings, clock)
    work, accounts, journal = domain.work, domain.accounts, domain.journal
    notify, revoke_access = steps.notify, steps.revoke_access
    sessions, passkeys, email_actions = domain.sessions, domain.passkeys, domain.email_actions
    require_recent_auth, require_administrator = steps.require_recent_auth, steps.require_administrator
    return Auth(
        registration=Registration(steps.require_open_sign_up, domain.passwords, steps.open_account, steps.issue_tokens),
        sign_in=SignIn(
            clock,
            steps.check_password,
            steps.recognize_device,
            steps.require_second_factor,
            steps.complete_sign_in,
            steps.issue_tokens,
            journal,
        ),
        passkey_sign_in=PasskeySignIn(
            steps.make_passkey_options,
            passkeys,
            steps.open_second_step,
            steps.check_passkey,
            steps.complete_sign_in,
            steps.issue_tokens,
        ),
        passkey_sign_up=PasskeySignUp(
            steps.require_open_sign_up,
            steps.make_passkey_options,
            steps.add_passkey,
            steps.open_account,
            steps.issue_tokens,
        ),
        open_invitations=administration.open_invitations(domain, steps, clock),
        invitation_answer=administration.invitation_answer(domain, steps, clock),
        app_sign_in=outside.app_sign_in(domain, steps, settings, clock),
        provider_sign_in=outside.provider_sign_in(domain, steps, settings),
        identities=outside.identities(domain, steps, clock),
        email_sign_in=outside.email_sign_in(steps, settings),
        second_factor=SecondFactor(
            work,
            clock,
            accounts,
            domain.trusted_devices,
            steps.open_second_step,
            steps.check_second_factor,
            steps.check_passkey,
            steps.complete_sign_in,
            steps.enrol_totp,
            steps.change_factors,
            revoke_access,
            steps.open_session,
            steps.issue_tokens,
            journal,
            trust_lifetime=timedelta(days=settings.trusted_device_days),
        ),
        reauthentication=Reauthentication(
            work,
            clock,
            steps.check_password,
            steps.check_second_factor,
            steps.check_passkey,
            steps.make_passkey_options,
            passkeys,
            steps.find_sign_in,
            domain.email_sign_ins,
            sessions,
            journal,
            require_recent_auth,
        ),
        factors=Factors(
            work,
            clock,
            accounts,
            domain.factors,
            domain.recovery_codes,
            sessions,
            domain.links,
            steps.policy,
            steps.enrol_totp,
            steps.change_factors,
            revoke_access,
            notify,
            journal,
            require_recent_auth,
            require_administrator,
        ),
        trusted_devices=TrustedDevices(work, clock, domain.trusted_devices, journal),
        passkeys=Passkeys(
            work,
            clock,
            accounts,
            passkeys,
            domain.relying_party,
            steps.make_passkey_options,
            steps.add_passkey,
            revoke_access,
            notify,
            journal,
            steps.require_way_in,
            require_recent_auth,
        ),
        associated_apps=AssociatedApps(domain.relying_party),
        sessions=Sessions(
            work,
            clock,
            sessions,
            domain.tokens,
            steps.issue_tokens,
            journal,
            revoke_access,
            notify,
            grace=timedelta(seconds=settings.refresh_grace_seconds),
        ),
        own_sessions=OwnSessions(work, clock, sessions, journal),
        csrf=Csrf(domain.tokens, domain.csrf),
        profile=Profile(clock, accounts, domain.permissions),
        email_verification=EmailVerification(
            work,
            clock,
            accounts,
            email_actions,
            steps.find_email_action,
            steps.recognize_device,
            revoke_access,
            steps.claim_account,
            notify,
            journal,
        ),
        email_change=EmailChange(
            work,
            clock,
            accounts,
            email_actions,
            domain.undos,
            steps.remove_credentials,
            steps.allow_undo,
            steps.find_email_action,
            revoke_access,
            steps.require_unreserved_email,
            notify,
            journal,
            require_recent_auth,
            link_lifetime=steps.email_settings.verify_link_lifetime,
        ),
        password_change=PasswordChange(
            work, clock, accounts, domain.passwords, sessions, revoke_access, notify, journal, require_recent_auth
        ),
        password_reset=PasswordReset(
            clock,
            accounts,
            domain.passwords,
            steps.find_email_action,
            steps.replace_password,
            steps.recognize_device,
            notify,
            domain.attempt_limiter,
        ),
        account_recovery=AccountRecovery(
            work, clock, accounts, steps.remove_credentials, revoke_access, domain.links, notify, journal
        ),
        account_deletion=AccountDeletion(clock, require_recent_auth, steps.schedule_deletion),
        export=Export(clock, domain.exporters),
        admin_accounts=administration.admin_accounts(domain, steps, clock),
        account_correction=administration.account_correction(domain, steps, clock),
        admin_sessions=administration.admin_sessions(domain, steps, clock),
        audit_log=AuditLog(journal),
        activity=Activity(journal),
        audit_sealing=AuditSealing(work, domain.chain_heads, domain.sealer, domain.verifier),
        compat=Compat(
            work,
            clock,
            accounts,
            domain.administrators,
            domain.passwords,
            steps.lasting_sessions,
            steps.open_lasting_session,
            email_actions,
            domain.links,
            steps.find_email_action,
            steps.replace_password,
            steps.require_unreserved_email,
            revoke_access,
            steps.purge_account,
            notify,
            journal,
            token_lifetime=steps.email_settings.reset_link_lifetime,
        ),
        key_figures=KeyFigures(clock, domain.account_search, sessions, domain.outbox, journal),
        key_rotation=KeyRotation(
            work,
            domain.keys,
            domain.factors,
            clock,
            journal,
            require_administrator,
            issuer=settings.public_url,
            audience=settings.jwt_audience,
            algorithm=settings.jwt_algorithm,
        ),
        mail_delivery=MailDelivery(
            work,
            clock,
            domain.outbox,
            steps.compose_email,
            domain.renderer,
            parts.mail_transport(app, settings),
            random.SystemRandom(),
        ),
        mail_queue=MailQueue(work, clock, domain.outbox, journal, require_administrator),
        template_previews=TemplatePreviews(domain.renderer),
        cleanup=Cleanup(
            work,
            clock,
            accounts,
            domain.unverified_accounts,
            sessions,
            domain.factors,
            domain.trusted_devices,
            domain.spent_challenges,
            email_actions,
            domain.email_sign_ins,
            domain.outbox,
            steps.purge_account,
            domain.chain_heads,
            domain.sealer,
            domain.leases,
            events_kept=timedelta(days=settings.audit_retention_days),
            unverified_kept=timedelta(days=days) if (days := settings.unverified_account_days) else None,
            interval=timedelta(minutes=settings.cleanup_interval_minutes),
        ),
        health=Health(domain.keys, parts.probes(settings), domain.outbox),
        stats=Stats(clock, domain.hash_slots, domain.outbox, sessions, domain.registry),
        mailbox=mailbox,
    )
