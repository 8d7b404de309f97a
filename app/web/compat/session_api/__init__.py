"""The "session authentication" API under /api/v1. AUTH_TYPE selects the kind of authentication."""
