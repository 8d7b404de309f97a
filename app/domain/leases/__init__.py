"""Leases: which one of many processes does what only one need do."""
