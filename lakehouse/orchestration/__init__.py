"""A lake as Dagster's code location (docs/orchestration.md): the same functions as the command line, scheduled, retried, backfilled by day.

The only place that imports Dagster, which is an optional extra; nothing else of osslake imports this package. `location.py` is what Dagster loads.
Dagster reads the annotations of a step's arguments as they are: modules with steps do without `from __future__ import annotations`.
"""
