"""Flows: the use cases of people, administrators and background tasks. Flows do not import each other."""
