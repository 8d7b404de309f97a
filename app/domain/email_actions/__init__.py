"""Email actions: what a link or code in an email may do, once."""
