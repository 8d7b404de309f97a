"""Sign-in by a link or a code in an email."""
