"""The audit log: what happened to which account, for its owner and for operators."""
