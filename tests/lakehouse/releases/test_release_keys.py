"""Keys: made once, kept private, and old ones stay trusted."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from small_lake import SmallLake

from catalog.errors import SettingsError
from catalog.signatures import key_id
from lakehouse.releases import load_or_create_key, public_key_file, trusted_keys, verify_release


def test_a_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    """The first call makes the key, readable by its owner alone, with its public half beside it; later calls read it."""
    path = tmp_path / "keys" / "release.pem"
    key = load_or_create_key(path)
    assert load_or_create_key(path).private_bytes_raw() == key.private_bytes_raw()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert public_key_file(path).read_bytes().startswith(b"-----BEGIN PUBLIC KEY-----")
    assert {file.name for file in path.parent.iterdir()} == {"release.pem", "release.pub"}


def test_makers_at_once_end_with_one_key(tmp_path: Path) -> None:
    """Eight calls at the same time return the same key."""
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(load_or_create_key, [tmp_path / "release.pem"] * 8))
    assert len({key.private_bytes_raw() for key in keys}) == 1


def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    """A file that holds something else, or a key of another kind, is refused by its path."""
    path = tmp_path / "release.pem"
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content, problem in ((b"hello", "holds no unencrypted private key"), (other, "an Ed25519 key would be right")):
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=f"{path}.*{problem}"):
            load_or_create_key(path)


def test_after_a_change_of_keys_old_releases_still_verify(lake: SmallLake) -> None:
    """A new key put in the old one's place signs what follows; the public file keeps both, and the chain holds."""
    first = lake.release()
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    lake.settings.signing_key.write_bytes(pem)
    lake.as_of = date(2024, 2, 3)
    second = lake.release()
    assert first.document.key_id != second.document.key_id
    assert set(trusted_keys(lake.settings)) == {first.document.key_id, second.document.key_id}
    assert verify_release(lake.settings).chain_length == 2


def test_a_deleted_public_file_is_made_again(lake: SmallLake) -> None:
    """Without its public file a key still verifies; without both it says what is missing."""
    release = lake.release()
    public_key_file(lake.settings.signing_key).unlink()
    assert list(trusted_keys(lake.settings)) == [release.document.key_id]
    public_key_file(lake.settings.signing_key).unlink()
    lake.settings.signing_key.unlink()
    with pytest.raises(SettingsError, match=r"release\.pub"):
        trusted_keys(lake.settings)


def test_the_key_id_is_that_of_the_public_key(lake: SmallLake) -> None:
    """The document names the key whose id follows from its public half."""
    release = lake.release()
    assert key_id(load_or_create_key(lake.settings.signing_key).public_key()) == release.document.key_id
