"""The static export: the same documents as the server's, whole after a kill, and no more work than is needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
from filelock import FileLock
from released_lake import ReleasedLake

from catalog import rest_catalog
from catalog.errors import PublishError, ReleaseError, SettingsError, VerificationError
from catalog.release_page import release_page
from catalog.releases import Release
from catalog.settings import Settings
from lakehouse.publications.static import ExportSummary, export_static
from lakehouse.publications.static_errors import answering
from lakehouse.publications.static_target import LOCK_FILE, RemoteTarget, open_target

URL = "https://data.example.org/oss"
_EXPORT = """
import sys
from pathlib import Path
from catalog.settings import load_settings
from lakehouse.publications.static import export_static
export_static(load_settings(Path(sys.argv[1]), dataset="small-lake"), sys.argv[2], sys.argv[3])
"""


def tree(folder: Path) -> dict[str, str]:
    """Return the hashes of all files below a folder, the lock aside."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != LOCK_FILE
    }


def expected_tree(lake: ReleasedLake, document_name: str = "{}/index.json") -> dict[str, str]:
    """Return what an export of the whole lake must hold: the catalog's documents, the release documents, the listed files, and the page."""
    newest, files = lake.releases[-1], {}
    files["index.html"] = release_page(newest, URL, is_served=False)

    def read(location: str) -> bytes:
        return lake.path(location).read_bytes()

    for release in lake.releases:
        paths = [*rest_catalog.immutable_paths(release), *(rest_catalog.changing_paths(release) if release is newest else [])]
        files |= {document_name.format(path): body for path, body in rest_catalog.documents(release, read, URL, paths)}
        files |= {file.path.removeprefix("s3://"): read(file.path) for table in release.tables for file in table.files}
    for path in [lake.settings.warehouse / "latest.json", *lake.settings.warehouse.glob("releases/*")]:
        key = path.relative_to(lake.settings.warehouse).as_posix()
        files |= {key: path.read_bytes(), f"small-lake/{key}": path.read_bytes()}
    return {key: hashlib.sha256(content).hexdigest() for key, content in files.items()}


@pytest.fixture
def exported(released_lake: ReleasedLake, tmp_path: Path) -> Path:
    """Export both releases into a folder."""
    export_static(released_lake.settings, str(tmp_path / "export"), URL)
    return tmp_path / "export"


def test_the_export_is_what_the_server_serves(released_lake: ReleasedLake, exported: Path) -> None:
    """The folder holds the catalog's documents for every kept release, the release documents, the listed files and the page; nothing more."""
    assert tree(exported) == expected_tree(released_lake)


def test_the_summary_counts_what_was_done(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """The summary tells files, bytes and documents, and progress comes to the same end."""
    seen: list[int] = []
    summary = export_static(released_lake.settings, str(tmp_path), URL, lambda state: seen.append(state.files_done))
    listed = {file.path: file.size_bytes for release in released_lake.releases for table in release.tables for file in table.files}
    assert (summary.release_id, summary.releases) == (released_lake.releases[-1].id, 2)
    assert summary.files == summary.files_done == summary.files_copied == len(listed) == seen[-1]
    assert summary.bytes_copied == sum(listed.values())
    assert summary.documents_written == len(tree(tmp_path)) - len(listed)


def test_a_second_export_writes_nothing(released_lake: ReleasedLake, exported: Path) -> None:
    """What is there already is left alone, down to its time of change."""
    before = {path: path.stat().st_mtime_ns for path in exported.rglob("*.*")}
    summary = export_static(released_lake.settings, str(exported), URL + "/")
    assert (summary.files_copied, summary.documents_written) == (0, 0)
    assert {path: path.stat().st_mtime_ns for path in exported.rglob("*.*") if path.name != LOCK_FILE}.items() <= before.items()


def test_a_new_release_brings_only_what_is_new(tmp_path: Path) -> None:
    """After a new release only its own files come, and documents of the older one stay as they were."""
    lake, target = ReleasedLake(tmp_path), tmp_path / "export"
    first = lake.release_first()
    export_static(lake.settings, str(target), URL)
    before = tree(target)
    second = lake.release_second()
    summary = export_static(lake.settings, str(target), URL)
    old, new = ({file.path for table in release.tables for file in table.files} for release in (first, second))
    assert summary.files_copied == len(new - old)
    after = tree(target)
    assert after == expected_tree(lake)
    changed = {key for key in before if after[key] != before[key]}
    moved = {"latest.json", "small-lake/latest.json", "v1/config/index.json", "index.html"}
    assert moved <= changed
    assert all(key.startswith("latest/v1/") for key in changed - moved)


def test_another_address_rewrites_documents_only(released_lake: ReleasedLake, exported: Path) -> None:
    """A changed public address goes into all documents, the older releases' too, and copies no file."""
    summary = export_static(released_lake.settings, str(exported), "http://elsewhere.example")
    assert summary.files_copied == 0
    for release in released_lake.releases:
        document = exported / "releases" / release.id / "v1/namespaces/marts/tables/projects_v1/index.json"
        assert '"s3.endpoint":"http://elsewhere.example"' in document.read_text()


@pytest.mark.parametrize(
    "point", ["publish.static.file:1", "publish.static.file:7", *(f"publish.static.latest:{step}" for step in (1, 2, 3))]
)
def test_killed_and_run_again_it_is_the_same(tmp_path: Path, point: str) -> None:
    """Killed at any step, readers see the release before or the new one, whole; the next run ends as if nothing had happened."""
    lake, target = ReleasedLake(tmp_path), tmp_path / "export"
    first = lake.release_first()
    export_static(lake.settings, str(target), URL)
    second = lake.release_second()
    killed = run_export(lake.settings, target, point)
    assert killed.returncode == -signal.SIGKILL
    leads = [second.id in (target / name).read_text() for name in ("latest.json", "v1/config/index.json", "index.html")]
    assert leads == sorted(leads, reverse=True)  # what comes later never speaks of a release that what comes before doesn't lead to
    assert leads[-1] is False
    assert first.id in (target / "index.html").read_text()
    assert missing_files(target, first) == set()
    if leads[0]:
        assert missing_files(target, second) == set()
    assert run_export(lake.settings, target).returncode == 0
    assert tree(target) == expected_tree(lake)


def run_export(settings: Settings, target: Path, crash_at: str = "") -> subprocess.CompletedProcess[bytes]:
    """Export in a process of its own, which may be killed at a crash point."""
    environment = os.environ | {"OSSLAKE_CRASH_AT": crash_at}
    return subprocess.run([sys.executable, "-c", _EXPORT, str(settings.folder), str(target), URL], env=environment, check=False)


def missing_files(target: Path, release: Release) -> set[str]:
    """Return the files of a release that a target lacks or has in another form."""
    found = tree(target)
    listed = {file.path.removeprefix("s3://"): file.sha256 for table in release.tables for file in table.files}
    return {key for key, sha256 in listed.items() if found.get(key) != sha256}


def test_what_is_missing_comes_back(released_lake: ReleasedLake, exported: Path) -> None:
    """A file that vanished or was cut, and a document that was changed, are brought again."""
    first, second = sorted(exported.glob("small-lake/marts/**/*.parquet"))[:2]
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    (exported / "v1/config/index.json").write_text("{}")
    assert export_static(released_lake.settings, str(exported), URL).files_copied == 2
    assert tree(exported) == expected_tree(released_lake)


def test_a_file_that_nothing_vouches_for_is_hashed(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """A file of the right size that stands there before its release does is taken only if its hash is right."""
    wanted = released_lake.releases[-1].tables[0].data_files
    right, wrong = (tmp_path / file.path.removeprefix("s3://") for file in wanted[:2])
    right.parent.mkdir(parents=True)
    wrong.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(released_lake.path(wanted[0].path), right)
    wrong.write_bytes(b"x" * wanted[1].size_bytes)
    summary = export_static(released_lake.settings, str(tmp_path), URL)
    assert summary.files_copied == summary.files - 1
    assert tree(tmp_path) == expected_tree(released_lake)


def test_a_damaged_file_of_the_lake_is_never_exported(tmp_path: Path) -> None:
    """One flipped bit in a data file stops the export, which names the file; the target shows the release before."""
    lake, target = ReleasedLake(tmp_path), tmp_path / "export"
    first = lake.release_first()
    export_static(lake.settings, str(target), URL)
    second = lake.release_second()
    (new,) = {file.path for file in table_files(second)} - {file.path for file in table_files(first)}
    path = lake.path(new)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(VerificationError, match=path.name):
        export_static(lake.settings, str(target), URL)
    assert not (target / new.removeprefix("s3://")).exists()
    assert first.id in (target / "latest.json").read_text()


def table_files(release: Release) -> list:  # type: ignore[type-arg]
    """Return the data files of a release's projects."""
    return next(table for table in release.tables if table.name == "projects_v1").data_files


def test_files_can_be_linked(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """Where it is wanted, files are links to the lake's own; the result is the same."""
    export_static(released_lake.settings, str(tmp_path), URL, hard_links=True)
    file = released_lake.releases[0].tables[0].data_files[0]
    assert (tmp_path / file.path.removeprefix("s3://")).samefile(released_lake.path(file.path))
    assert tree(tmp_path) == expected_tree(released_lake)


def test_the_page_is_sent_as_a_page(released_lake: ReleasedLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an object store the page has the media type that makes browsers show it, the documents theirs."""
    store = FlatStore()
    monkeypatch.setattr("lakehouse.publications.static.open_target", lambda address: RemoteTarget(store, address, "s3", address))
    export_static(released_lake.settings, "bucket/oss", URL)
    assert store.types["bucket/oss/index.html"] == "text/html; charset=utf-8"
    assert store.types["bucket/oss/latest.json"] == store.types["bucket/oss/v1/config"] == "application/json"


class FlatStore(fsspec.AbstractFileSystem):  # type: ignore[misc]
    """A store without folders, as object stores are: a key may be the beginning of another."""

    protocol = "flat"
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[str, bytes] = {}
        self.types: dict[str, str] = {}

    def find(self, path: str, **_: object) -> dict[str, dict[str, int]]:
        """Return sizes by key."""
        return {key: {"size": len(content)} for key, content in self.objects.items() if key.startswith(f"{path}/")}

    def cat_file(self, path: str, **_: object) -> bytes:
        """Return an object."""
        if path not in self.objects:
            raise FileNotFoundError(path)
        return self.objects[path]

    def pipe_file(self, path: str, value: bytes, **options: str) -> None:
        """Put bytes."""
        self.objects[path], self.types[path] = value, options.get("ContentType", "")

    def put_file(self, lpath: str, rpath: str, **_: object) -> None:
        """Put a local file."""
        self.objects[rpath] = Path(lpath).read_bytes()


def test_an_object_store_takes_addresses_as_keys(released_lake: ReleasedLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an object store the documents stand under their very addresses; a second export writes nothing there either."""
    store = FlatStore()
    monkeypatch.setattr("lakehouse.publications.static.open_target", lambda address: RemoteTarget(store, address, "flat", address))
    export_static(released_lake.settings, "bucket/oss", URL)
    found = {key.removeprefix("bucket/oss/"): hashlib.sha256(content).hexdigest() for key, content in store.objects.items()}
    assert found == expected_tree(released_lake, "{}")
    summary = export_static(released_lake.settings, "bucket/oss", URL)
    assert (summary.files_copied, summary.documents_written) == (0, 0)


def test_other_file_systems_get_whole_files(released_lake: ReleasedLake) -> None:
    """At any other fsspec address files are renamed when they are whole; a second export writes nothing there either."""
    files = fsspec.filesystem("memory")
    export_static(released_lake.settings, "memory://host/oss", URL)
    found = {path.removeprefix("/host/oss/"): hashlib.sha256(files.cat_file(path)).hexdigest() for path in files.find("/host/oss")}
    assert found == expected_tree(released_lake)
    summary = export_static(released_lake.settings, "memory://host/oss", URL)
    files.rm("/host", recursive=True)
    assert (summary.files_copied, summary.documents_written) == (0, 0)


def test_another_lakes_target_is_refused(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """A target that shows a release which this lake never made is left as it is."""
    other, target = ReleasedLake(tmp_path), tmp_path / "export"
    other.release_first()
    export_static(other.settings, str(target), URL)
    before = tree(target)
    with pytest.raises(PublishError, match="which this lake did not release"):
        export_static(released_lake.settings, str(target), URL)
    assert tree(target) == before


@pytest.mark.parametrize("name", ["latest.json", "index.html"])
def test_a_place_with_somebody_elses_page_is_refused(released_lake: ReleasedLake, tmp_path: Path, name: str) -> None:
    """What no export wrote is not overwritten, and nothing is laid beside it."""
    (tmp_path / name).write_text("theirs")
    with pytest.raises(PublishError, match=f"holds {name}, but no release"):
        export_static(released_lake.settings, str(tmp_path), URL)
    assert tree(tmp_path) == {name: hashlib.sha256(b"theirs").hexdigest()}


def test_a_latest_that_was_damaged_is_mended(released_lake: ReleasedLake, exported: Path) -> None:
    """Beside exported releases a latest.json that can't be read is ours."""
    (exported / "latest.json").write_text("{")
    export_static(released_lake.settings, str(exported), URL)
    assert tree(exported) == expected_tree(released_lake)


def test_two_exports_at_once_are_refused(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """While one export into a folder runs, another one is told so."""
    with FileLock(tmp_path / LOCK_FILE), pytest.raises(PublishError, match="another export"):
        export_static(released_lake.settings, str(tmp_path), URL)


def test_a_lake_without_a_release_is_refused(tmp_path: Path) -> None:
    """Before the first release there is nothing to export, and the message says what makes one."""
    with pytest.raises(ReleaseError, match="osslake release create"):
        export_static(Settings(folder=tmp_path), str(tmp_path / "export"), URL)


@pytest.mark.parametrize("url", ["", "data.example.org", "ftp://x/y", "https://host/a?b", "https://"])
def test_an_address_that_is_none_is_refused(released_lake: ReleasedLake, tmp_path: Path, url: str) -> None:
    """The public address must be http or https, with a host and without a query."""
    with pytest.raises(SettingsError, match="is no public address"):
        export_static(released_lake.settings, str(tmp_path), url)


def test_a_target_that_cannot_be_written_is_named(released_lake: ReleasedLake, tmp_path: Path) -> None:
    """A target that isn't a folder, or no kind of address, is an error that names it."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishError, match="file"):
        export_static(released_lake.settings, str(tmp_path / "file"), URL)
    with pytest.raises(PublishError, match="nothing://"):
        export_static(released_lake.settings, "nothing://x", URL)
    with pytest.raises(PublishError, match=r"^http://127\.0\.0\.1:1/x can't be written to; a folder"):
        export_static(released_lake.settings, "http://127.0.0.1:1/x", URL)


@pytest.mark.parametrize("address", ["nothing://u:sec/r@t@host/x", "ftp://u:sec/r@t@host/x"])
def test_a_password_is_not_told(address: str) -> None:
    """Neither the address of a message nor what was said of it holds a password, or a piece of it."""
    with pytest.raises(PublishError, match=r"^\w+://u:\*\*\*@host/x is neither a folder nor an address that fsspec knows$"):
        open_target(address)


def test_what_a_file_system_says_is_told_without_the_password() -> None:
    """A refusal is one line that names the place, the cause and what to see to; a password goes from it however it is written."""
    with (
        pytest.raises(PublishError) as told,
        answering("sftp://u:sec%2Fret@host/x"),
    ):
        raise PermissionError("no entry\nfor sec/ret or sec%2Fret")
    assert str(told.value).startswith("sftp://u:***@host/x: no entry for *** or ***; see that it answers, and that address and credentials")
    assert type(told.value) is PublishError


def test_progress_is_told_of_the_same_summary(released_lake: ReleasedLake, exported: Path) -> None:
    """Progress is called for files that are there already, too, so that a bar comes to its end."""
    states: list[ExportSummary] = []
    export_static(released_lake.settings, str(exported), URL, states.append)
    assert states[-1].files_done == states[-1].files == len(states)
