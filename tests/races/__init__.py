"""Races: many clients against two processes on one database, on each of the three. RACE_ROUNDS=50 prolongs them."""
