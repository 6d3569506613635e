"""The REST API, version 1: every number with its definition, its coverage and its release (docs/api.md says what is promised)."""
