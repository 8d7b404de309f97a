"""Model-based tests: random sequences of requests, compared with a small model of what should be true."""
