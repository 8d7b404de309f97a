"""`models` of session authentication."""
