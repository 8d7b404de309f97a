"""The compatibility API: the routes and Python classes of the two classroom systems."""
