"""Tests of email, against real SMTP servers that can be told to fail."""
