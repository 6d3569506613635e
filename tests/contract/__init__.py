"""One behaviour for every combination of storage and catalog."""
