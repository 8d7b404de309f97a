"""Second factors: authenticator apps (TOTP, RFC 6238) and recovery codes."""
