"""The home page: what this service is, with links; and where a password is changed."""

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.current import settings
from app.web.pages.emailed_links import with_error_pages

pages_home = with_error_pages(Blueprint("pages_home", __name__))


@pages_home.get("/")
def home() -> str:
    """Show the home page. It links to the mailbox in development only, where it exists."""
    return render_template("home.html", development=settings.development)


@pages_home.get("/.well-known/change-password")
def change_password() -> ResponseReturnValue:
    """Lead password managers to the page where a password is changed (W3C: A Well-Known URL for Changing Passwords)."""
    return redirect(settings.change_password_url or url_for("pages_account_password.open_page"))


@pages_home.get("/forgot-password")
def forgot_password() -> ResponseReturnValue:
    """Lead to the page that sends a reset link, for people who guess its name."""
    return redirect(url_for("pages_reset_password.ask_address"))
