"""Loading repositories into a lake: what a cut-off load left, or another key made doubtful, is read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from gitwriter import Writer
from pydantic import SecretStr

from catalog.catalogs import open_catalog
from catalog.iceberg import CURSOR_PROPERTY
from catalog.settings import GitSource, Settings
from ingest.loader import Loader
from lakehouse.ingest import ingest_git


def load(lake: Path, clone: Path, author_key: str = "") -> int:
    """Load a clone; return how many commits were loaded."""
    settings = Settings(folder=lake) if not author_key else Settings(folder=lake, author_key=SecretStr(author_key))
    return ingest_git(settings, Loader(settings), [GitSource(address=str(clone), repository="https://github.com/owner/name")]).loaded


def shas(lake: Path) -> list[str]:
    """Return the commits in the lake, each as often as it is there."""
    found: list[str] = open_catalog(Settings(folder=lake)).load_table("raw.git__commits").scan().to_arrow()["sha"].to_pylist()
    return sorted(found)


def test_a_cut_off_load_is_made_good(tmp_path: Path, writer: Writer, cut_off_before: Callable[[str], AbstractContextManager[None]]) -> None:
    """Commits that came without the repository's own row are there once after the next load, though HEAD has moved on."""
    made = [writer.commit({b"a": b"1\n"})]
    load(tmp_path / "lake", writer.folder)
    made.append(writer.commit({b"a": b"2\n"}))
    with cut_off_before("git__repositories"):
        load(tmp_path / "lake", writer.folder)
    assert shas(tmp_path / "lake") == sorted(made)
    made.append(writer.commit({b"a": b"3\n"}))
    assert load(tmp_path / "lake", writer.folder) == 3
    assert shas(tmp_path / "lake") == sorted(made)
    assert load(tmp_path / "lake", writer.folder) == 0


def test_commits_that_are_known_are_not_read(tmp_path: Path, writer: Writer) -> None:
    """What the lake has of a repository is told without opening a file of commits, however many loads brought them."""
    for content in (b"1\n", b"2\n", b"3\n"):
        writer.commit({b"a": content})
        assert load(tmp_path / "lake", writer.folder) == 1
    for task in open_catalog(Settings(folder=tmp_path / "lake")).load_table("raw.git__commits").scan().plan_files():
        Path(task.file.file_path.replace("s3://osslake", str(tmp_path / "lake" / "warehouse"))).unlink()
    assert load(tmp_path / "lake", writer.folder) == 0


def test_snapshots_tell_the_head(tmp_path: Path, writer: Writer) -> None:
    """The snapshot of a load names the repository and the head that it was read up to."""
    head = writer.commit({b"a": b"1\n"})
    load(tmp_path / "lake", writer.folder)
    for name in ("git__commits", "git__repositories"):
        snapshot = open_catalog(Settings(folder=tmp_path / "lake")).load_table(("raw", name)).current_snapshot()
        assert snapshot is not None
        assert snapshot.summary is not None
        cursor = json.loads(snapshot.summary.additional_properties[CURSOR_PROPERTY])
        assert cursor == {"source": "git", "repository_url": "https://github.com/owner/name", "head_sha": head}


def test_another_author_key_reads_all_again(tmp_path: Path, writer: Writer) -> None:
    """Where the key of the authors' HMAC changed, all commits are loaded anew under it."""
    writer.commit({b"a": b"1\n"})
    assert [load(tmp_path / "lake", writer.folder, key) for key in ("one", "one", "two")] == [1, 0, 1]
    assert len(shas(tmp_path / "lake")) == 1
