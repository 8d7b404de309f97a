"""`api` of session authentication."""
