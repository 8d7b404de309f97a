"""Identities: the accounts of people at outside providers, with which they sign in here."""
