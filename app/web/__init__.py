"""The HTTP edge: the JSON API, the pages and the compatibility API. It calls the facade `Auth` and its flows."""
