"""The JSON API's contract, route by route."""
