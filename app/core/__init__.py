"""Floor 0: database, unit of work, clock and the kinds of refusal. Imports nothing of ours."""
