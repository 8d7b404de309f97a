"""Challenges: what a link or a code in an email may do, once."""
