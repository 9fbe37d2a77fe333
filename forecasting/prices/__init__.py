"""Price histories: the value, adjustment, validation, reconciliation with the store."""
