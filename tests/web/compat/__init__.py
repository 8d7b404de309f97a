"""The classic wing, as clients and as learners meet it."""
