"""The serving replica: one SQLite file per release, from which look-ups, lists and series are answered, and one of DuckDB beside it for rows of events.

It is made from the release's published tables (build.py), checked against their content digests (checks.py), given its name by a rename,
and never changed after that (replica.py and rows.py read it). keeper.py has it made and takes it into use. Deleting one loses nothing.
"""
