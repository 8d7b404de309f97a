"""`api.v1.auth` of session authentication."""
