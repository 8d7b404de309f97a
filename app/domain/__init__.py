"""Domain: one package per entity, with its table, its queries and its rules. Packages do not import each other."""
