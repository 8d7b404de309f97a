"""The "session authentication" API under /api/v1, in the four ways that AUTH_TYPE names."""
