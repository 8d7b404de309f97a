"""The JSON API: one file per group of URLs, first its schemas, then its handlers."""
