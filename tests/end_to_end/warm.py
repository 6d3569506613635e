"""What the server of processes has imported before the first one is asked of it: a command then begins at once."""

import os

os.environ.setdefault("SQLMESH__DISABLE_ANONYMIZED_ANALYTICS", "true")
os.environ.setdefault("MAX_FORK_WORKERS", "1")

import pyiceberg.catalog.sql
import pyiceberg.io.pyarrow
import sqlmesh

import ingest.gharchive.package
import ingest.git
import ingest.loader
import ingest.oss_directory
import lakehouse.cli
import lakehouse.ingest
import lakehouse.releases
import lakehouse.run

__all__ = ["ingest", "lakehouse", "pyiceberg", "sqlmesh"]
