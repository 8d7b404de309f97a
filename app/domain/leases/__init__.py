"""Leases: give a task to one of many processes for some time."""
