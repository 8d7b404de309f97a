"""HTML pages: the home page, the pages that emailed links open, and the mailbox of the mail console."""
