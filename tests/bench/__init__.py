"""The speed of the service: `make bench`."""
