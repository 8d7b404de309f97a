"""The front page: what this service is and where to go from here."""

from flask import Blueprint, render_template

from app.current import settings
from app.web.pages.emailed_links import with_error_pages

pages_home = with_error_pages(Blueprint("pages_home", __name__))


@pages_home.get("/")
def home() -> str:
    """Say what this is; the mailbox is offered in development only, where it exists."""
    return render_template("home.html", development=settings.development)
