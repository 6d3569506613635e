"""A lake's releases as static files: any web server with range requests then serves what `osslake serve` does.

Laid out as the server's addresses are (serving/app.py, catalog/rest_catalog.py), for docs/deploy/nginx.conf:

    <dataset>/...                      files that the kept releases list, and the release documents
    v1/<id>/..., releases/<id>/v1/...  the catalog's documents of each kept release
    releases/<id>.json, .sig.json      the release documents again, where no dataset's name is needed
    latest/v1/..., latest.json, v1/config   which release is the newest; in this order, after everything else
    index.html                         a page for people: that release, and how to read it from here; last of all, so that it never speaks of what isn't there

Nothing is ever removed, so readers of an older release go on. Killed anywhere and run again, the result is the same.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from catalog import rest_catalog
from catalog.bucket import bucket_key, open_bucket
from catalog.canonical import parse
from catalog.crash import crash_point
from catalog.errors import PublishError, ReleaseError, SettingsError, TargetUnavailableError, VerificationError
from catalog.release_document import Latest
from catalog.release_page import release_page
from catalog.releases import LATEST_KEY, RELEASES_FOLDER, Release, ReleasedFile, document_key, list_releases, parse_release, signature_key
from catalog.settings import Settings
from lakehouse.publications.publication import PublicationSummary, Shown, Step
from lakehouse.publications.static_errors import masked
from lakehouse.publications.static_target import StaticTarget, open_target

PAGE_KEY = "index.html"
PUBLIC_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")


@dataclass
class ExportSummary:
    """What an export did; `files` counts those that the kept releases list, copied now or there before."""

    release_id: str = ""
    releases: int = 0
    files: int = 0
    files_done: int = 0
    files_copied: int = 0
    bytes_copied: int = 0
    documents_written: int = 0
    duration_s: float = 0.0


Progress = Callable[[ExportSummary], None]


class StaticPublication:
    """The place that `publish.static` names. It shows all kept releases, the newest one first of all."""

    name = "static"
    description = "The kept releases as plain files, for any web server."

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.target = settings.resolve(settings.publish.static)

    def shown(self) -> Shown | None:
        """Return the release that the target's `latest.json` names."""
        place = open_target(self.target)
        try:
            content = place.read(LATEST_KEY)
            if content is None:
                return None
            identifier = parse(Latest, content, LATEST_KEY).id
            document = place.read(document_key(identifier))
        except OSError as error:
            raise PublishError(f"{self.target} can't be read: {error}", target=self.target) from error
        if document is None:
            shown = masked(self.target)
            raise PublishError(f"{shown} shows {identifier}, whose document isn't there; publish anew", target=shown)
        return Shown.of(parse_release(identifier, document))

    def publish(self, release: Release, step: Step) -> PublicationSummary:  # noqa: ARG002 - an export has no steps
        """Lay down all kept releases; `latest.json` moves to the newest last."""
        try:
            before = self.shown()
        except TargetUnavailableError:
            raise
        except (PublishError, VerificationError):
            before = None
        done = export_static(self.settings, self.target, self.settings.publish.static_url)
        figures: dict[str, int | float | str] = {
            "releases": done.releases,
            "files_kept": done.files,
            "documents_written": done.documents_written,
        }
        is_new = before is None or before.id != done.release_id
        return PublicationSummary(
            done.release_id, is_new, files=done.files_copied, bytes=done.bytes_copied, duration_s=done.duration_s, figures=figures
        )


def export_static(
    settings: Settings, target: str, public_url: str, progress: Progress | None = None, *, hard_links: bool = False
) -> ExportSummary:
    """Lay all kept releases of a lake down as static files; only what is missing or differs is written.

    Args:
        settings: the lake's.
        target: a folder, or any fsspec address.
        public_url: the address under which the web server shows the target; it is written into the catalog's documents.
        progress: called after each file with what was done so far.
        hard_links: link files instead of copying them, where the target is on the lake's file system.

    Raises:
        ReleaseError: nothing was released yet.
        SettingsError: the public address is none.
        PublishError: the target can't be written, shows a release that this lake doesn't have, or holds a page that no export wrote.
        TargetUnavailableError: the target does not answer.
        VerificationError: a file of the lake isn't what the release lists.
    """
    if not PUBLIC_URL.fullmatch(public_url):
        raise SettingsError(f"{public_url!r} is no public address; http://host/path or https://... would be right", public_url=public_url)
    started = time.monotonic()
    place = open_target(target)
    try:
        with place.lock():
            export = _Export(settings, place, public_url.rstrip("/"), progress)
            export.run(hard_links=hard_links)
    except OSError as error:
        raise PublishError(f"the export to {masked(target)} failed: {error}", target=masked(target)) from error
    export.summary.duration_s = time.monotonic() - started
    return export.summary


class _Export:
    """One run of an export."""

    def __init__(self, settings: Settings, target: StaticTarget, public_url: str, progress: Progress | None) -> None:
        self.dataset = settings.dataset
        self.bucket = open_bucket(settings)
        self.target = target
        self.public_url = public_url
        self.progress = progress
        self.releases = list_releases(self.bucket)
        self.summary = ExportSummary(releases=len(self.releases))
        self.present = target.sizes()

    def run(self, *, hard_links: bool) -> None:
        """Bring files, then documents of each release from the oldest on, then what leads to the newest."""
        if not self.releases:
            raise ReleaseError(f"nothing was released yet in {self.dataset}; `osslake release create` makes a release")
        newest = self.releases[0]
        self.summary.release_id = newest.id
        latest = self.bucket.read(LATEST_KEY)
        if parse(Latest, latest, LATEST_KEY).id != newest.id:
            raise PublishError("a release was made while the export began; run it again", id=newest.id)
        self._check_place()
        self._bring_files(hard_links=hard_links)
        for release in reversed(self.releases):
            self._write_release(release)
        self._move_latest(newest, latest)

    def _check_place(self) -> None:
        """Refuse a place that holds what no export wrote, or shows a release which this lake doesn't have: it would jump back, or to another history."""
        others = sorted({LATEST_KEY, PAGE_KEY} & self.present.keys())
        if others and not any(key.startswith(f"{RELEASES_FOLDER}/") for key in self.present):
            raise PublishError(
                f"the target holds {' and '.join(others)}, but no release that was exported; a folder of its own would be right",
                keys=others,
            )
        content = self.target.read(LATEST_KEY)
        if content is None:
            return
        try:
            shown = parse(Latest, content, LATEST_KEY)
        except VerificationError:
            return
        if shown.id not in {release.id for release in self.releases} and shown.sequence >= self.releases[-1].sequence:
            raise PublishError(f"the target shows {shown.id}, which this lake did not release; another target would be right", id=shown.id)

    def _bring_files(self, *, hard_links: bool) -> None:
        wanted = {file.path: file for release in self.releases for table in release.tables for file in table.files}
        trusted = {
            file.path
            for release in self.releases
            if document_key(release.id) in self.present
            for table in release.tables
            for file in table.files
        }
        self.summary.files = len(wanted)
        for path, file in wanted.items():
            if not self._is_there(file, is_trusted=path in trusted):
                self._copy(file, hard_link=hard_links)
            self.summary.files_done += 1
            if self.progress:
                self.progress(self.summary)

    def _is_there(self, file: ReleasedFile, *, is_trusted: bool) -> bool:
        """Tell whether the target has a file: by its size, and by its hash where no release document at the target vouches for it."""
        key = f"{self.dataset}/{bucket_key(self.dataset, file.path)}"
        return self.present.get(key) == file.size_bytes and (is_trusted or self.target.sha256(key) == file.sha256)

    def _copy(self, file: ReleasedFile, *, hard_link: bool) -> None:
        key = bucket_key(self.dataset, file.path)
        with self.bucket.local_file(key) as source:
            self.target.copy(f"{self.dataset}/{key}", source, file.sha256, hard_link=hard_link)
        self.summary.files_copied += 1
        self.summary.bytes_copied += file.size_bytes

    def _write_release(self, release: Release) -> None:
        """Write a release's documents of the catalog, and then its own document, which says that all the rest is there."""
        paths = rest_catalog.immutable_paths(release)
        for path, content in rest_catalog.documents(release, self._read, self.public_url, paths):
            self._write(self.target.catalog_key(path), content)
        for key in (signature_key(release.id), document_key(release.id)):
            self._write(f"{self.dataset}/{key}", self.bucket.read(key))
            self._write(key, self.bucket.read(key))

    def _move_latest(self, newest: Release, latest: bytes) -> None:
        paths = rest_catalog.changing_paths(newest)
        *below_latest, config = rest_catalog.documents(newest, self._read, self.public_url, paths)
        for path, content in below_latest:
            self._write(self.target.catalog_key(path), content)
        crash_point("publish.static.latest")
        self._write(f"{self.dataset}/{LATEST_KEY}", latest)
        self._write(LATEST_KEY, latest)
        crash_point("publish.static.latest")
        self._write(self.target.catalog_key(config[0]), config[1])
        crash_point("publish.static.latest")
        self._write(PAGE_KEY, release_page(newest, self.public_url, is_served=False))

    def _write(self, key: str, content: bytes) -> None:
        """Write a document, unless it stands there already."""
        if self.present.get(key) == len(content) and self.target.read(key) == content:
            return
        self.target.write(key, content)
        self.summary.documents_written += 1

    def _read(self, location: str) -> bytes:
        return self.bucket.read(bucket_key(self.dataset, location))
