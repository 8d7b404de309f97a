"""Sessions: one row is one sign-in on one device."""
