"""Limits on attempts."""
