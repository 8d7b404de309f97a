"""Load as people make it."""
