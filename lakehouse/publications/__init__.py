"""Publications: the ways by which a release leaves the lake, each shown one whole release at a time.

A target is a class in a module of its own, with its settings in `catalog/settings.py` (`publish.<name>`) and an entry in `registry`; what the
command line, `osslake run`, `osslake status` and Dagster do with it they do with all of them. What two targets have in common stands in
`changes` (which partitions of which tables a target has to load) and `rows` (the rows of those).
"""

from lakehouse.publications.publication import Publication, PublicationSummary, Shown, Step
from lakehouse.publications.registry import NAMES, named_publications, open_publication, publications_after_release
from lakehouse.publications.run import Outcome, publish_each

__all__ = [
    "NAMES",
    "Outcome",
    "Publication",
    "PublicationSummary",
    "Shown",
    "Step",
    "named_publications",
    "open_publication",
    "publications_after_release",
    "publish_each",
]
