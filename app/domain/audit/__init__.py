"""Audit: what happened to which account, kept for its owner and for operators."""
