"""Steps that several flows share; they arrive by constructor."""
