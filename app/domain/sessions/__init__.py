"""Sessions: one row is one device that signed in."""
