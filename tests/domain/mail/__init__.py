"""The mail room's tests, against real mail servers that can be told to misbehave."""
