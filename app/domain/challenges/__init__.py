"""One-time challenges: made without being stored, and stored when they are used."""
