"""Drills: what the service promises when something else breaks. Scripts that print figures; `make faults` runs all."""
