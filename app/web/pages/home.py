"""The home page: what this service is, with links."""

from flask import Blueprint, render_template

from app.current import settings
from app.web.pages.emailed_links import with_error_pages

pages_home = with_error_pages(Blueprint("pages_home", __name__))


@pages_home.get("/")
def home() -> str:
    """Show the home page. It links to the mailbox in development only, where it exists."""
    return render_template("home.html", development=settings.development)
