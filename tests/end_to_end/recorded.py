"""The recorded real data as a lake, and what its hour files hold by plain Python over their lines."""

from __future__ import annotations

import gzip
import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from end_to_end.lakes import Lake

HOURS = {"2012-06-14-15": "2012-06-14-15", "2015-01-01-0": "2015-01-01-0", "2021-07-21-hours-6-9-excerpt": "2021-07-21-6"}
RECORDS = {"2012-06-14-15": 5313, "2015-01-01-0": 7702, "2021-07-21-6": 800}
_SPANS = (("2012-06-14T15", "2012-06-14T16"), ("2015-01-01T00", "2015-01-01T01"), ("2021-07-21T06", "2021-07-21T07"))
_ACTIONS = {
    ("WatchEvent", "started"): "STARRED",
    ("IssuesEvent", "opened"): "ISSUE_OPENED",
    ("IssuesEvent", "closed"): "ISSUE_CLOSED",
    ("IssuesEvent", "reopened"): "ISSUE_REOPENED",
    ("PullRequestEvent", "opened"): "PULL_REQUEST_OPENED",
    ("PullRequestEvent", "closed"): "PULL_REQUEST_CLOSED",
    ("PullRequestEvent", "reopened"): "PULL_REQUEST_REOPENED",
    ("ReleaseEvent", "published"): "RELEASE_PUBLISHED",
}
_PLAIN = {
    "ForkEvent": "FORKED",
    "IssueCommentEvent": "ISSUE_COMMENT",
    "CommitCommentEvent": "COMMIT_COMMENT",
    "PullRequestReviewEvent": "PULL_REQUEST_REVIEW",
    "PullRequestReviewCommentEvent": "PULL_REQUEST_REVIEW_COMMENT",
}


@dataclass(frozen=True)
class Recorded:
    """The lake of the real data, and the hour files that it was made from."""

    folder: Path

    @property
    def lake(self) -> Lake:
        """The lake."""
        return Lake(self.folder / "lake")

    def lines(self, hour: str) -> list[bytes]:
        """Return the lines of an hour's file."""
        return gzip.decompress((self.folder / "hours" / f"{hour}.json.gz").read_bytes()).split(b"\n")[:-1]

    def records(self, hour: str) -> list[dict[str, Any]]:
        """Return the records of an hour's file."""
        return [json.loads(line) | {"_line": line} for line in self.lines(hour)]


def build(folder: Path, shared_data: Path, lake: Lake | None = None) -> None:
    """Load the three hour files and the directory with its history, transform, release; in a lake that already has settings if one is given."""
    hours, lake = folder / "hours", lake or Lake(folder / "lake")
    hours.mkdir()
    lake.folder.mkdir(exist_ok=True)
    for source, name in HOURS.items():
        shutil.copyfile(shared_data / "gharchive" / f"{source}.json.gz", hours / f"{name}.json.gz")
    bundle = shared_data / "oss-directory" / "oss-directory-history.bundle"
    given = lake.folder / "osslake.toml"
    text = given.read_text() if given.is_file() else ""
    text += f'\n[[sources.oss_directory]]\naddress = "{bundle}"\nhistory = true\n'
    text += "".join(f'[[sources.gharchive]]\naddress = "{hours}"\nfrom = "{start}"\nto = "{end}"\n' for start, end in _SPANS)
    (lake.folder / "osslake.toml").write_text(text)
    lake.run()


def events_of(records: list[dict[str, Any]]) -> Counter[str]:
    """Count the events that records give, one for each record's id (before 2015: for each different line)."""
    seen: set[tuple[object, ...]] = set()
    for record in records:
        repository = _repository(record)
        if repository is not None:
            seen |= {(*event, repository) for event in _events(record)}
    return Counter(str(event[0]) for event in seen)


def _repository(record: dict[str, Any]) -> object:
    if "repo" in record:
        return record["repo"]["id"]
    found = record.get("repository")
    return f"{found['owner']}/{found['name']}".lower() if found else None


def _events(record: dict[str, Any]) -> list[tuple[object, ...]]:
    kind, payload = record["type"], record.get("payload") or {}
    identity = record.get("id") or record["_line"]
    if kind == "PushEvent":
        shas = [one["sha"] for one in payload.get("commits") or []] + [one[0] for one in payload.get("shas") or []]
        return [("COMMIT_CODE", sha) for sha in shas] if payload.get("ref") in ("refs/heads/main", "refs/heads/master") else []
    name = _PLAIN.get(kind) or _ACTIONS.get((kind, payload.get("action", "")))
    events: list[tuple[object, ...]] = [(name, identity)] if name else []
    if name == "PULL_REQUEST_CLOSED" and payload["pull_request"].get("merged") is True:
        events.append(("PULL_REQUEST_MERGED", identity))
    return events
