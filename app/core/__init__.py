"""The lowest layer: database, unit of work, clock, errors, logs, background tasks. Imports no other layer."""
