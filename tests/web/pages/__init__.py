"""The pages, over a bare app and a door that does as it is told."""
