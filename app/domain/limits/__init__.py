"""Limits: how often a password or code may be tried."""
