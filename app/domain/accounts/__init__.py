"""Accounts: email addresses, passwords, names and roles."""
