"""The serving replica: one SQLite file per release, from which look-ups, lists and series are answered.

It is made from the release's published tables (build.py), checked against their content digests (checks.py), given its name by a rename,
and never changed after that (replica.py reads it). keeper.py has it made and takes it into use. Deleting one loses nothing.
"""
