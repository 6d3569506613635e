"""The operator's side of a lake: run ingest, transform, audit, release, publish; and the command line over all that."""
