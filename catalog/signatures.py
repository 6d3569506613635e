"""Ed25519 signatures over documents, and the keys that one trusts."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from catalog.canonical import canonical_json
from catalog.errors import SettingsError, VerificationError
from catalog.release_document import Latest, SignatureDocument

TrustedKeys = Mapping[str, Ed25519PublicKey]
_PEM_BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


def key_id(key: Ed25519PublicKey) -> str:
    """Return a key's id: the first 16 hex digits of the SHA-256 of its raw bytes."""
    return hashlib.sha256(_raw(key)).hexdigest()[:16]


def read_public_keys(pem: bytes, name: str) -> dict[str, Ed25519PublicKey]:
    """Return the keys of a file that holds one or several public keys as PEM, by id.

    Raises:
        SettingsError: there is none, or one isn't an Ed25519 key.
    """
    keys = {}
    for block in _PEM_BLOCK.findall(pem):
        try:
            key = load_pem_public_key(block)
        except ValueError as error:
            raise SettingsError(f"{name} holds something that is not a public key: {error}", path=name) from error
        if not isinstance(key, Ed25519PublicKey):
            raise SettingsError(f"{name} holds a {type(key).__name__}, Ed25519 would be right", path=name)
        keys[key_id(key)] = key
    if not keys:
        raise SettingsError(f"{name} holds no public key in PEM form", path=name)
    return keys


def sign(key: Ed25519PrivateKey, content: bytes) -> SignatureDocument:
    """Sign bytes."""
    public = key.public_key()
    return SignatureDocument(key_id=key_id(public), public_key=_base64(_raw(public)), signature=_base64(key.sign(content)))


def check_signature(content: bytes, signature: SignatureDocument, trusted: TrustedKeys | None, name: str) -> Ed25519PublicKey:
    """Check that bytes were signed by a trusted key, and return the key.

    Args:
        content: the signed bytes.
        signature: what stands beside them.
        trusted: the keys that may sign; None takes the signature's own key, which shows only that it fits.
        name: of the signed document, for messages.

    Raises:
        VerificationError: the key isn't trusted or doesn't fit its id, or the signature isn't over these bytes.
    """
    public = Ed25519PublicKey.from_public_bytes(_bytes(signature.public_key, 32, f"{name}: public key"))
    if key_id(public) != signature.key_id:
        raise VerificationError(f"{name}: key id {signature.key_id} does not belong to the key beside it", name=name)
    if trusted is not None and signature.key_id not in trusted:
        known = ", ".join(trusted) or "none"
        raise VerificationError(f"{name} is signed by key {signature.key_id}, which is not trusted (trusted: {known})", name=name)
    _verify(public if trusted is None else trusted[signature.key_id], signature.signature, content, name)
    return public


def sign_latest(key: Ed25519PrivateKey, latest: Latest) -> Latest:
    """Return `latest.json` with its signature."""
    return latest.model_copy(update={"signature": _base64(key.sign(_signed_part(latest)))})


def check_latest_signature(latest: Latest, keys: TrustedKeys, name: str = "latest.json") -> None:
    """Check that `latest.json` was signed by one of these keys.

    Raises:
        VerificationError: it wasn't.
    """
    if latest.key_id not in keys:
        raise VerificationError(f"{name} is signed by key {latest.key_id}, which is not trusted", name=name)
    _verify(keys[latest.key_id], latest.signature, _signed_part(latest), name)


def _signed_part(latest: Latest) -> bytes:
    return canonical_json(latest.model_dump(mode="json", exclude={"signature"}))


def _verify(key: Ed25519PublicKey, signature: str, content: bytes, name: str) -> None:
    try:
        key.verify(_bytes(signature, 64, f"{name}: signature"), content)
    except InvalidSignature as error:
        raise VerificationError(f"{name}: the signature does not fit the document's bytes", name=name) from error


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _bytes(text: str, length: int, name: str) -> bytes:
    """Decode base64 in its one canonical spelling (other spellings would let a byte change unseen)."""
    try:
        content = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise VerificationError(f"{name} is not base64: {error}", name=name) from error
    if len(content) != length or _base64(content) != text:
        raise VerificationError(f"{name} is not the base64 of {length} bytes", name=name)
    return content
