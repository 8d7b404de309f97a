"""Each statement of the routes finds its rows by an index, on each database."""
