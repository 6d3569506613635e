"""All targets behind one interface: which the settings name, and what comes of several."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from released_lake import ReleasedLake

from catalog.errors import LakeBusyError, PublishError, SettingsError, TargetUnavailableError
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.publications import NAMES, PublicationSummary, Shown, Step, named_publications, open_publication, publish_each
from lakehouse.publications.static import StaticPublication


def to_files(settings: Settings, place: Path | str) -> Settings:
    """Return settings that name a place for static files."""
    publish = settings.publish.model_copy(update={"static": str(place), "static_url": "http://127.0.0.1:1"})
    return settings.model_copy(update={"publish": publish})


class Refusing(StaticPublication):
    """A target that fails with an error."""

    error: Exception = PublishError("no")

    def publish(self, release: Release, step: Step) -> PublicationSummary:
        """Fail."""
        raise self.error


def test_what_the_settings_name(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """The lake's own tables always, and others once a setting says where they are; in the registry's order."""
    assert [one.name for one in named_publications(released_lake.settings)] == ["iceberg"]
    assert [one.name for one in named_publications(to_files(released_lake.settings, tmp_path))] == ["iceberg", "static"]
    dsn = released_lake.settings.publish.postgres.model_validate({"dsn": "postgresql://u@127.0.0.1/d"})
    with_postgres = released_lake.settings.model_copy(
        update={"publish": released_lake.settings.publish.model_copy(update={"postgres": dsn})}
    )
    assert [one.name for one in named_publications(with_postgres)] == ["iceberg", "postgres"]
    assert all(one.description for one in named_publications(with_postgres))
    for name in NAMES[1:]:
        with pytest.raises(SettingsError, match=f"the settings name no target {name}: publish.{name} would say where it is"):
            open_publication(released_lake.settings, name)


def test_one_that_fails_does_not_keep_others(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """The error of one stands beside the summary of the next; each step is told."""
    settings, steps = to_files(released_lake.settings, tmp_path), []
    refusing, static = Refusing(settings), open_publication(settings, "static")
    failed, done = publish_each(settings, [refusing, static], released_lake.releases[-1], steps.append)
    assert (str(failed.error), failed.summary) == ("no", None)
    assert done.summary is not None
    assert (done.summary.release_id, done.summary.is_new) == (released_lake.releases[-1].id, True)
    assert static.shown() == Shown.of(released_lake.releases[-1])
    assert steps == ["publish static", "publish static"]


@pytest.fixture
def nobodys_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """Take AWS's keys away, those of the machine too, and what s3fs remembers of them."""
    store = fsspec.get_filesystem_class("s3")
    store.clear_instance_cache()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    yield monkeypatch
    store.clear_instance_cache()


FAILING = {
    "no credentials": ("s3://nobucket/x", {}, "s3://nobucket/x: Unable to locate credentials; see that it answers"),
    "nobody answers": (
        "s3://nobucket/x",
        {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
        's3://nobucket/x: Could not connect to the endpoint URL: "http://127.0.0.1:9/nobucket/x/latest.json"; see that it answers',
    ),
    "nobody listens": (
        "ftp://u:secret@127.0.0.1:9/x",
        {},
        "ftp://u:***@127.0.0.1:9/x: [Errno 111] Connection refused; see that it answers",
    ),
}


@pytest.mark.parametrize("case", FAILING)
def test_whatever_a_place_fails_with_is_told(
    released_lake: ReleasedLake, tmp_path: Path, nobodys_keys: pytest.MonkeyPatch, case: str
) -> None:
    """An address that a vendor's or the system's error comes from is told in a line, by status too, and the next target is tried."""
    address, environment, told = FAILING[case]
    for name, value in environment.items():
        nobodys_keys.setenv(name, value)
    there, here = (open_publication(to_files(released_lake.settings, place), "static") for place in (address, tmp_path))
    failed, done = publish_each(released_lake.settings, [there, here], released_lake.releases[-1], lambda _: None)
    assert isinstance(failed.error, TargetUnavailableError)
    assert str(failed.error).startswith(told)
    assert "\n" not in str(failed.error)
    assert done.summary is not None
    with pytest.raises(TargetUnavailableError, match=re.escape(told)):
        there.shown()


def test_a_lost_lake_ends_all(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """A run that lost the lake to another one tries no further target."""
    settings = to_files(released_lake.settings, tmp_path)
    refusing = Refusing(settings)
    refusing.error = LakeBusyError("taken")
    with pytest.raises(LakeBusyError, match="taken"):
        publish_each(settings, [refusing, open_publication(settings, "static")], released_lake.releases[-1], lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_static_files_tell_what_they_show(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """Nothing before the first export, then the newest release; the second export changes nothing."""
    static = open_publication(to_files(released_lake.settings, tmp_path), "static")
    assert static.shown() is None
    first, second = (static.publish(released_lake.releases[-1], lambda _: None) for _ in range(2))
    assert first.files == first.figures["files_kept"] > 0
    assert (second.is_new, second.files, second.bytes) == (False, 0, 0)
    (tmp_path / "releases" / f"{first.release_id}.json").unlink()
    with pytest.raises(PublishError, match="whose document isn't there; publish anew"):
        static.shown()
