"""Floor 1: the nouns. Each room owns its table and its rules and knows no other room."""
