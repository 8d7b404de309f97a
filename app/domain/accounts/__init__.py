"""Accounts: who a person is to us, by address and password."""
