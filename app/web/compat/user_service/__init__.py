"""The "user authentication service": forms in, JSON out, the cookie `session_id`."""
