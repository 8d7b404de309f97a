"""Tests of sign-in with outside identity providers."""
