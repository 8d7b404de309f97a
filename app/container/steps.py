"""The steps of one app: what several flows share."""

from datetime import timedelta

from app.container import parts
from app.container.domain import Domain
from app.core.clock import Clock
from app.flows.steps.add_passkey import AddPasskey
from app.flows.steps.allow_undo import AllowUndo
from app.flows.steps.carry_sign_in import CarrySignIn
from app.flows.steps.change_factors import ChangeFactors
from app.flows.steps.check_passkey import CheckPasskey
from app.flows.steps.check_password import CheckPassword
from app.flows.steps.check_second_factor import CheckSecondFactor
from app.flows.steps.claim_account import ClaimAccount
from app.flows.steps.complete_email_sign_in import CompleteEmailSignIn
from app.flows.steps.complete_sign_in import CompleteSignIn
from app.flows.steps.compose_email import ComposeEmail
from app.flows.steps.enrol_totp import EnrolTotp
from app.flows.steps.find_email_action import FindEmailAction
from app.flows.steps.find_sign_in import FindSignIn
from app.flows.steps.issue_tokens import IssueTokens
from app.flows.steps.link_identity import LinkIdentity
from app.flows.steps.make_passkey_options import MakePasskeyOptions
from app.flows.steps.notify import Notify
from app.flows.steps.open_account import OpenAccount
from app.flows.steps.open_second_step import OpenSecondStep
from app.flows.steps.open_session import OpenSession
from app.flows.steps.prove_mailbox import ProveMailbox
from app.flows.steps.purge_account import PurgeAccount
from app.flows.steps.read_identity import ReadIdentity
from app.flows.steps.recognize_device import RecognizeDevice
from app.flows.steps.remove_credentials import RemoveCredentials
from app.flows.steps.replace_password import ReplacePassword
from app.flows.steps.request_sign_in_email import RequestSignInEmail
from app.flows.steps.require_administrator import RequireAdministrator
from app.flows.steps.require_open_sign_up import RequireOpenSignUp
from app.flows.steps.require_recent_auth import RequireRecentAuth
from app.flows.steps.require_second_factor import RequireSecondFactor
from app.flows.steps.require_unreserved_email import RequireUnreservedEmail
from app.flows.steps.require_way_in import RequireWayIn
from app.flows.steps.revoke_access import RevokeAccess
from app.flows.steps.schedule_deletion import ScheduleDeletion
from app.flows.steps.second_factor_policy import SecondFactorPolicy
from app.flows.steps.sign_in_block import SignInBlock
from app.flows.steps.sign_in_with_identity import SignInWithIdentity
from config import Settings


class Steps:
    """What several flows share, one of each."""

    def __init__(self, domain: Domain, settings: Settings, clock: Clock) -> None:
        work, accounts, journal = domain.work, domain.accounts, domain.journal
        self.notify = Notify(domain.outbox)
        self.allow_undo = AllowUndo(domain.undos, self.notify)
        self.issue_tokens = IssueTokens(domain.tokens, domain.permissions)
        self.require_open_sign_up = RequireOpenSignUp(settings.sign_up)
        self.recognize_device = RecognizeDevice(clock, domain.links, domain.tokens)
        self.policy = SecondFactorPolicy(settings.second_factor)
        self.require_second_factor = RequireSecondFactor(
            self.policy, domain.links, domain.passkeys, domain.recovery_codes, domain.trusted_devices
        )
        self.open_session = OpenSession(
            self.require_second_factor,
            accounts,
            domain.invitations,
            domain.sessions,
            self.recognize_device,
            self.notify,
            journal,
        )
        self.lasting_sessions = parts.lasting_sessions()
        self.open_lasting_session = OpenSession(
            self.require_second_factor,
            accounts,
            domain.invitations,
            self.lasting_sessions,
            self.recognize_device,
            self.notify,
            journal,
        )
        self.complete_sign_in = CompleteSignIn(work, clock, self.open_session, self.issue_tokens, journal)
        self.revoke_access = RevokeAccess(domain.sessions, domain.email_actions, domain.trusted_devices)
        self.require_unreserved_email = RequireUnreservedEmail(domain.undos)
        self.sign_in_block = SignInBlock(settings.require_verified_email)
        self.check_password = CheckPassword(
            work,
            clock,
            accounts,
            domain.passwords,
            domain.attempt_limiter,
            self.recognize_device,
            journal,
            self.sign_in_block,
        )
        self.check_second_factor = CheckSecondFactor(
            work, clock, domain.factors, domain.recovery_codes, domain.attempt_limiter, self.notify, journal
        )
        self.make_passkey_options = MakePasskeyOptions(domain.challenges, domain.relying_party)
        self.add_passkey = AddPasskey(
            clock, domain.passkeys, domain.challenges, domain.spent_challenges, domain.relying_party, journal
        )
        self.check_passkey = CheckPasskey(
            work,
            clock,
            accounts,
            domain.passkeys,
            domain.challenges,
            domain.spent_challenges,
            domain.relying_party,
            self.sign_in_block,
            self.notify,
            journal,
        )
        self.read_identity = ReadIdentity(
            clock, domain.providers, domain.sealed, domain.challenges, domain.spent_challenges
        )
        self.open_second_step = OpenSecondStep(clock, accounts, domain.links, self.sign_in_block)
        self.open_account = OpenAccount(
            work,
            clock,
            self.require_open_sign_up,
            accounts,
            self.require_unreserved_email,
            self.open_session,
            self.issue_tokens,
            self.notify,
            journal,
            answers_alike=settings.require_verified_email or settings.sign_up_answer == "generic",
        )
        self.change_factors = ChangeFactors(
            accounts, domain.factors, domain.recovery_codes, domain.passkeys, self.notify, journal
        )
        self.enrol_totp = EnrolTotp(
            work, clock, accounts, domain.factors, settings.brand_name or parts.host_of(settings)
        )
        self.remove_credentials = RemoveCredentials(domain.passkeys, domain.identities)
        self.require_way_in = RequireWayIn(domain.passkeys, domain.identities, by_email=settings.email_sign_in != "off")
        self.claim_account = ClaimAccount(accounts, self.change_factors, domain.identities, self.revoke_access, journal)
        self.prove_mailbox = ProveMailbox(
            work,
            clock,
            accounts,
            domain.passkeys,
            domain.identities,
            domain.email_sign_ins,
            self.recognize_device,
            self.claim_account,
            self.notify,
            journal,
        )
        self.require_recent_auth = RequireRecentAuth(
            clock, self.check_password, self.policy, timedelta(seconds=settings.reauth_window_seconds)
        )
        self.require_administrator = RequireAdministrator(self.require_recent_auth)
        self.find_email_action = FindEmailAction(
            work, clock, accounts, domain.email_actions, domain.links, domain.codes, domain.attempt_limiter, journal
        )
        self.replace_password = ReplacePassword(
            work,
            clock,
            accounts,
            domain.email_actions,
            self.remove_credentials,
            self.revoke_access,
            self.notify,
            journal,
        )
        self.purge_account = PurgeAccount(
            work, accounts, domain.unverified_accounts, domain.undos, domain.outbox, journal
        )
        self.schedule_deletion = ScheduleDeletion(
            work,
            accounts,
            domain.administrators,
            domain.undos,
            self.notify,
            journal,
            self.revoke_access,
            self.purge_account,
            grace=timedelta(days=settings.deletion_grace_days),
        )
        self.email_settings = parts.email_settings(settings)
        self.request_sign_in_email = RequestSignInEmail(clock, self.notify, self.email_settings.sign_in_link_lifetime)
        self.find_sign_in = FindSignIn(
            work, clock, accounts, domain.email_sign_ins, domain.links, domain.codes, journal
        )
        self.complete_email_sign_in = CompleteEmailSignIn(
            work,
            clock,
            accounts,
            domain.email_sign_ins,
            self.sign_in_block,
            self.prove_mailbox,
            self.complete_sign_in,
            self.open_account,
        )
        self.link_identity = LinkIdentity(clock, domain.identities, self.notify, journal)
        self.sign_in_with_identity = SignInWithIdentity(
            work,
            clock,
            accounts,
            domain.passkeys,
            domain.identities,
            self.read_identity,
            self.sign_in_block,
            self.prove_mailbox,
            self.complete_sign_in,
            self.open_account,
            self.link_identity,
            self.request_sign_in_email,
            journal,
            link_by_email=settings.link_by_email == "trusted",
        )
        self.compose_email = ComposeEmail(
            work,
            clock,
            accounts,
            domain.email_actions,
            domain.undos,
            domain.outbox,
            journal,
            domain.links,
            domain.codes,
            CarrySignIn(work, domain.email_sign_ins, domain.links, domain.codes, self.email_settings),
            self.email_settings,
        )
