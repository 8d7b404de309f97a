"""Commands of `flask`. Like the routes, they use only the facade."""
