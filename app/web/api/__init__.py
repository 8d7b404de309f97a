"""The JSON API: one file per group of URLs, its models on top, its handlers beneath."""
