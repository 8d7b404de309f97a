"""Sessions: opening, ending, running out."""
