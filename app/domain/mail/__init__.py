"""Email: the outbox, the templates, SMTP, and the mail console of development."""
