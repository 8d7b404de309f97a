"""Tokens: JWTs, links, codes, keys."""
