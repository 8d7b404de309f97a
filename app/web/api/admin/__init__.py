"""The JSON API for administrators. Each write needs recent authentication and is recorded with its actor."""
