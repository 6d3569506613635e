"""PostgreSQL as a target: the marts as tables of one schema, for SQL, PostgREST and Hasura.

Every table is a partitioned one, and its rows lie in parts: one for each partition of the release, or a single one. A part's name is the hash of what
is in it, so what is there tells what is missing, whatever happened before. Missing parts are loaded beside the others, each in a transaction of its own
(`loading`); then one transaction exchanges them all and says which release that is (`exchange`). Tables themselves stay, and with them grants, comments
and views that others made over them.

Readers see one release: the exchange waits until no transaction uses a table that it changes, for moments at a time, so that nobody waits long for it;
and loaded rows are frozen, so that they are seen as soon as their table is, by transactions that began earlier too.
"""

from lakehouse.publications.postgres.target import PostgresPublication

__all__ = ["PostgresPublication"]
