"""The JSON API for administrators. Each write needs a fresh session, and is in the journal with who made it."""
