"""The few HTML pages: the way in, resetting a password, and the mailbox of the mail console."""
