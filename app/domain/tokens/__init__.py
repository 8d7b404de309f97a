"""Tokens: signed statements of ours that a client carries, and the keys that sign them."""
