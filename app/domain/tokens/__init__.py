"""Tokens: JWTs, link tokens, codes and CSRF tokens, and the keys that sign them."""
