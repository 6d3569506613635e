"""The command line: each command parses, calls one function, renders."""

from lakehouse.cli.app import main

__all__ = ["main"]
