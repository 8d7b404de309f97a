"""`api.v1` of session authentication."""
