"""Sessions: opening, ending, expiry."""
