"""A lake as Dagster's code location (docs/orchestration.md): the same functions as the command line, scheduled, retried, backfilled by day.

The only place that imports Dagster, which is an optional extra; nothing else of osslake imports this package. `location.py` is what Dagster loads.
"""
