"""Accounts: addresses, passwords, hash slots."""
