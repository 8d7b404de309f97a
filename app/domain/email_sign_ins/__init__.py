"""Emailed sign-ins: a link and a code that sign in the owner of a mailbox, once."""
