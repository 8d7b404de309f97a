"""Tokens: bearer tokens, links, keys."""
