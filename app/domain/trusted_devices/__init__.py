"""Devices on which sign-in does not ask for the second factor."""
