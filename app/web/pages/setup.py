"""Registers all pages, with their languages and the look of the operator."""

from flask import Flask

from app.web.pages.account.activity import pages_account_activity
from app.web.pages.account.confirm import pages_account_confirm
from app.web.pages.account.data import pages_account_data
from app.web.pages.account.devices import pages_account_devices
from app.web.pages.account.email import pages_account_email
from app.web.pages.account.identities import pages_account_identities
from app.web.pages.account.passkeys import pages_account_passkeys
from app.web.pages.account.password import pages_account_password
from app.web.pages.account.profile import pages_account_profile
from app.web.pages.account.second_factor import pages_account_second_factor
from app.web.pages.brand import init_brand
from app.web.pages.confirmations import pages_confirmations
from app.web.pages.console import pages_console
from app.web.pages.home import pages_home
from app.web.pages.languages import init_languages
from app.web.pages.mailbox import pages_mailbox
from app.web.pages.reset_password import pages_reset_password
from app.web.pages.sign_in import pages_sign_in
from app.web.pages.sign_in_link import pages_sign_in_link
from app.web.pages.sign_in_provider import pages_sign_in_provider
from app.web.pages.sign_in_return import sign_in_again
from app.web.pages.sign_up import pages_sign_up
from config import Settings

PAGES = (
    pages_home,
    pages_sign_in,
    pages_sign_in_link,
    pages_sign_in_provider,
    pages_sign_up,
    pages_reset_password,
    pages_confirmations,
    pages_account_profile,
    pages_account_email,
    pages_account_password,
    pages_account_passkeys,
    pages_account_second_factor,
    pages_account_devices,
    pages_account_identities,
    pages_account_activity,
    pages_account_data,
    pages_account_confirm,
    pages_console,
)


def init_pages(app: Flask, settings: Settings) -> None:
    """Register the pages; the mail console in development only."""
    for page in PAGES:
        app.register_blueprint(page)
    if settings.development:
        app.register_blueprint(pages_mailbox)
    app.jinja_env.globals["sign_in_again"] = sign_in_again
    init_languages(app)
    init_brand(app, settings)
