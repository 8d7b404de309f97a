"""Challenges: what a link or a code in a letter may do, once."""
