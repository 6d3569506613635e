"""The key that signs releases: made on first use, and its public half beside it.

The public file may hold several keys, one PEM block each: after a change of keys the old releases are still verified by
the old one. To change the key, put another in its place (`openssl genpkey -algorithm ed25519 -out release.pem`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from catalog.errors import SettingsError
from catalog.local_files import sync_folder, write_whole
from catalog.settings import Settings
from catalog.signatures import TrustedKeys, key_id, read_public_keys


def public_key_file(path: Path) -> Path:
    """Return where the public half of the key at `path` lies."""
    return path.with_suffix(".pub")


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read the private key (PEM), and see that its public half stands in the file beside it.

    Raises:
        SettingsError: there is no such file, or it holds no unencrypted Ed25519 key.
    """
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise SettingsError(f"the key that signs releases can't be read: {path}: {error.strerror}", path=str(path)) from error
    except (ValueError, TypeError) as error:
        raise SettingsError(f"{path} holds no unencrypted private key in PEM form: {error}", path=str(path)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{path} holds a {type(key).__name__}, an Ed25519 key would be right", path=str(path))
    _note_public_half(path, key)
    return key


def load_or_create_key(path: Path) -> Ed25519PrivateKey:
    """Read the private key; on first use make it (PKCS 8 PEM, mode 0600, in a folder of mode 0700).

    Two processes at once end with the same key.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
            _name_first(aside, path)
        finally:
            aside.unlink(missing_ok=True)
        sync_folder(path.parent)
    return load_key(path)


def _name_first(aside: Path, path: Path) -> None:
    """Give a file its name unless another process was first."""
    try:
        path.hardlink_to(aside)
    except FileExistsError:
        return


def _note_public_half(path: Path, key: Ed25519PrivateKey) -> None:
    beside = public_key_file(path)
    known = beside.read_bytes() if beside.exists() else b""
    if known and key_id(key.public_key()) in read_public_keys(known, str(beside)):
        return
    write_whole(beside, known + key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def trusted_keys(settings: Settings) -> TrustedKeys:
    """Return the lake's own public keys by id.

    Raises:
        SettingsError: there is no public key file, or it can't be read.
    """
    beside = public_key_file(settings.signing_key)
    if not beside.exists() and settings.signing_key.exists():
        load_key(settings.signing_key)
    try:
        return read_public_keys(beside.read_bytes(), str(beside))
    except OSError as error:
        raise SettingsError(f"the public key of releases can't be read: {beside}: {error.strerror}", path=str(beside)) from error
