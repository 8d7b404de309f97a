"""Outside identity providers: what they say about a person, and how it is checked."""
