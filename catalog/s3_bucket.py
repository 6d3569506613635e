"""A bucket of an object store with S3's interface: its paths are the real ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from catalog.bucket import BUCKET_PROPERTY, CHUNK_BYTES, LATEST_KEY, RELEASES_FOLDER, ObjectState, StoredObject
from catalog.errors import AGAIN, SettingsError, StorageError, StorageUnavailableError
from catalog.settings import StorageSettings

if TYPE_CHECKING:
    from pyiceberg.io import FileIO

    from catalog.duck import DuckConnection

TAKEN_UP = 3
"""How often an answer that is cut is asked for, from where it ended."""
SERVER_ERRORS = 500
_MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
_OTHERWISE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
_MADE_MEANWHILE = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})


class S3Bucket:
    """The bucket called as the dataset; `latest.json` and the release documents may have one of their own."""

    def __init__(self, storage: StorageSettings, dataset: str) -> None:
        self.storage = storage
        self.dataset = dataset

    def make(self) -> None:
        """Make the buckets that are not there."""
        for name in dict.fromkeys((self.dataset, self.storage.documents or self.dataset)):
            with self._reached(""):
                _make_bucket(_client(self.storage), name, self.storage)

    def read(self, key: str) -> bytes:
        """Return an object's bytes."""
        return b"".join(self.chunks(key))

    def chunks(self, key: str, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """Yield an object's bytes; an answer that is cut is taken up where it ended, as long as the object is the same."""
        where, start, etag = self._place(key), first, ""
        for attempt in range(1, TAKEN_UP + 1):
            with self._reached(key):
                wanted = {"Range": f"bytes={start}-{'' if last is None else last}"} if start or last is not None else {}
                answer = _client(self.storage).get_object(**where, **wanted, **({"IfMatch": etag} if etag else {}))
            etag = answer["ETag"]
            with self._reached(key), _cut_answers(passed_over=attempt < TAKEN_UP):
                for chunk in answer["Body"].iter_chunks(CHUNK_BYTES):
                    start += len(chunk)
                    yield chunk
                return

    def state(self, key: str) -> ObjectState:
        """Return an object's size and the store's tag of it."""
        with self._reached(key):
            found = _client(self.storage).head_object(**self._place(key))
        return ObjectState(int(found["ContentLength"]), found["ETag"].strip('"'))

    def size(self, key: str) -> int:
        """Return an object's size in bytes."""
        return self.state(key).size_bytes

    def sha256(self, key: str) -> str:
        """Return the SHA-256 of an object's bytes in hex."""
        digest = hashlib.sha256()
        for chunk in self.chunks(key):
            digest.update(chunk)
        return digest.hexdigest()

    def keys(self, folder: str) -> list[str]:
        """Return the keys of the objects directly below a folder, sorted."""
        return sorted(found["Key"] for found in self._listed(folder, Delimiter="/"))

    def objects(self, folder: str) -> list[StoredObject]:
        """Return all objects below a folder."""
        found = (StoredObject(one["Key"], one["Size"], one["LastModified"]) for one in self._listed(folder))
        return sorted(found, key=lambda one: one.key)

    def _listed(self, folder: str, **how: str) -> Iterator[dict[str, Any]]:
        """Yield what the store tells of the objects below a folder; nothing where there is no bucket."""
        where = self._place(f"{folder}/")
        with suppress(FileNotFoundError), self._reached(folder):
            for page in _client(self.storage).get_paginator("list_objects_v2").paginate(Bucket=where["Bucket"], Prefix=where["Key"], **how):
                yield from page.get("Contents", [])

    def write(self, key: str, content: bytes) -> None:
        """Put an object, which is there when the store has all of it."""
        with self._reached(key):
            self._put(key, content)

    def replace(self, key: str, content: bytes, etag: str | None) -> bool:
        """Put an object if the store still has the one with this tag. A put whose answer was lost is known by its bytes."""
        from botocore.exceptions import ClientError

        with suppress(FileNotFoundError), self._reached(key):
            try:
                self._put(key, content, **({"IfMatch": f'"{etag}"'} if etag else {"IfNoneMatch": "*"}))
            except ClientError as error:
                if _code(error) not in _OTHERWISE:
                    raise
                return self.read(key) == content
            return True
        return False

    def _put(self, key: str, content: bytes, **conditions: str) -> None:
        media_type = "application/json" if key.endswith(".json") else "application/octet-stream"
        _client(self.storage).put_object(**self._place(key), Body=content, ContentType=media_type, **conditions)

    def delete(self, key: str) -> None:
        """Delete an object if it is there."""
        with suppress(FileNotFoundError), self._reached(key):
            _client(self.storage).delete_object(**self._place(key))

    @contextmanager
    def local_file(self, key: str) -> Iterator[Path]:
        """Fetch an object into a file that goes when the block ends."""
        with TemporaryDirectory(prefix="osslake-") as folder:
            path = Path(folder, key.rpartition("/")[2])
            with path.open("wb") as file:
                for chunk in self.chunks(key):
                    file.write(chunk)
            yield path

    def location(self, key: str) -> str:
        """Return the object's path."""
        return f"s3://{self.dataset}/{key}"

    def prepare(self, connection: DuckConnection) -> None:
        """Give a connection the means to read the bucket."""
        from catalog.duck import add_s3

        chosen = self.storage
        access_key, secret_key, token = credentials(chosen)
        endpoint = urlsplit(chosen.endpoint)
        options = {
            "KEY_ID": access_key,
            "SECRET": secret_key,
            "REGION": chosen.region,
            "URL_STYLE": "path" if chosen.path_style else "vhost",
        }
        if token:
            options["SESSION_TOKEN"] = token
        if chosen.endpoint:
            options |= {"ENDPOINT": endpoint.netloc, "USE_SSL": "true" if endpoint.scheme == "https" else "false"}
        add_s3(connection, self.dataset, options, chosen.request_timeout_s, chosen.attempts)

    def io_properties(self) -> dict[str, str]:
        """Return PyIceberg's properties of an object store; PyArrow's own patience would be minutes."""
        chosen = self.storage
        access_key, secret_key, token = credentials(chosen)
        properties = {
            BUCKET_PROPERTY: f"s3://{self.dataset}",
            "s3.endpoint": chosen.endpoint,
            "s3.region": chosen.region,
            "s3.access-key-id": access_key,
            "s3.secret-access-key": secret_key,
            "s3.session-token": token,
            "s3.force-virtual-addressing": "" if chosen.path_style else "true",
            "s3.connect-timeout": str(chosen.connect_timeout_s),
            "s3.request-timeout": str(chosen.request_timeout_s),
            "s3.retry-strategy-impl": "pyarrow.fs.AwsStandardS3RetryStrategy",
        }
        return {name: value for name, value in properties.items() if value}

    def file_io(self) -> FileIO:
        """Return PyIceberg's access to the object store."""
        from pyiceberg.io.pyarrow import PyArrowFileIO

        return PyArrowFileIO(self.io_properties())

    def _place(self, key: str) -> dict[str, str]:
        is_document = key == LATEST_KEY or key.startswith(f"{RELEASES_FOLDER}/")
        return {"Bucket": self.storage.documents if is_document and self.storage.documents else self.dataset, "Key": key}

    @contextmanager
    def _reached(self, key: str) -> Iterator[None]:
        """Tell what is missing from what is refused and what is not answered."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            if _code(error) in _MISSING:
                raise FileNotFoundError(f"s3://{self.dataset}/{key}") from error
            kind = StorageUnavailableError if _status(error) >= SERVER_ERRORS else StorageError
            raise kind(f"{self._name(key)}: {error}{_advice(error)}", key=key) from error
        except BotoCoreError as error:
            raise StorageUnavailableError(f"{self._name(key)}: {error}; {AGAIN}", key=key) from error

    def _name(self, key: str) -> str:
        bucket = f"bucket {self._place(key)['Bucket']} at {self.storage.endpoint or 'AWS'}"
        return f"object {key} of {bucket}" if key else bucket


@contextmanager
def _cut_answers(*, passed_over: bool) -> Iterator[None]:
    """Pass over that an answer which had begun was cut, or not."""
    from botocore.exceptions import HTTPClientError, IncompleteReadError

    try:
        yield
    except (HTTPClientError, IncompleteReadError):
        if not passed_over:
            raise


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _advice(error: Any) -> str:
    if error.operation_name == "PutObject" and _code(error) == "AccessDenied":
        return "; where a bucket takes nothing but tables, name another one for the release documents in the setting storage.documents"
    return ""


def _make_bucket(client: Any, name: str, storage: StorageSettings) -> None:
    """Make a bucket that isn't there; one that can't be looked at is left to those who may."""
    from botocore.exceptions import ClientError

    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if _code(error) not in _MISSING:
            return
        elsewhere = {} if storage.endpoint or storage.region == "us-east-1" else {"LocationConstraint": storage.region}
        try:
            client.create_bucket(Bucket=name, **({"CreateBucketConfiguration": elsewhere} if elsewhere else {}))
        except ClientError as refusal:
            if _code(refusal) not in _MADE_MEANWHILE:
                raise


def credentials(storage: StorageSettings) -> tuple[str, str, str]:
    """Return access key, secret key and session token (empty where there is none): the settings' own, else what AWS's chain finds.

    Raises:
        SettingsError: there are none.
    """
    if storage.access_key.get_secret_value():
        return storage.access_key.get_secret_value(), storage.secret_key.get_secret_value(), storage.session_token.get_secret_value()
    import boto3

    found = boto3.Session().get_credentials()
    if found is None:
        raise SettingsError(
            "storage.type is s3 and there are no keys; the settings storage.access_key and storage.secret_key would be right"
        )
    frozen = found.get_frozen_credentials()
    return frozen.access_key, frozen.secret_key, frozen.token or ""


@lru_cache(maxsize=8)
def _client(storage: StorageSettings) -> Any:
    import boto3
    from botocore.config import Config

    access_key, secret_key, token = credentials(storage)
    return boto3.client(
        "s3",
        endpoint_url=storage.endpoint or None,
        region_name=storage.region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=token or None,
        config=Config(
            connect_timeout=storage.connect_timeout_s,
            read_timeout=storage.request_timeout_s,
            retries={"total_max_attempts": storage.attempts, "mode": "standard"},
            s3={"addressing_style": "path" if storage.path_style else "virtual"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            max_pool_connections=64,
        ),
    )
