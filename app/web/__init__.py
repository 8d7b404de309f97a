"""Floor 4: HTTP in, HTTP out. Knows the door, the refusals and nothing deeper."""
