"""From a request to its answer: which release, which format, whether the client has it already, and the headers that every answer bears."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import parse_qsl

from fastapi import Request, Response

from catalog.releases import is_number
from catalog.settings import LimitSettings, ServeSettings
from serving.api.costs import COST_HEADER, cost_of
from serving.api.errors import RequestError
from serving.api.formats import FORMATS, PACKED_FROM, Format, accepted, chosen_encoding, packed
from serving.api.kept_answers import KeptAnswer, KeptAnswers
from serving.conditional import IMMUTABLE, REVALIDATE, is_named, knows_any
from serving.releases import ServedReleases
from serving.replica.keeper import Replicas
from serving.replica.replica import Replica

MAX_QUERY = 16_000
"""Characters of a query string."""
LATEST = "latest"
"""What the newest release may be called where one is named."""
RELEASE_HEADER = "Osslake-Release"
WRITERS = ("brotli", "orjson", "pyarrow", "zstandard")
"""Packages that the bytes of answers depend on."""
VARY = "Accept, Accept-Encoding"


@dataclass(frozen=True)
class Asked:
    """A question.

    Attributes:
        path: below `/v1/`, without the format's suffix.
        parameters: of the query string, without `release`.
        replica: what it is answered from.
        is_pinned: whether the release was named, so that the answer never changes.
        root: what links begin with: `/v1`, or `/releases/<id>/v1`.
        format: of the rows.
        limits: what an answer may take.
        suffix: the format, where the path names it.
    """

    path: str
    parameters: tuple[tuple[str, str], ...]
    replica: Replica
    is_pinned: bool
    root: str
    format: Format
    limits: LimitSettings
    suffix: str = ""

    @property
    def full_path(self) -> str:
        """The path below `/v1/` as it was asked for."""
        return f"{self.path}.{self.suffix}" if self.suffix else self.path

    def value(self, name: str, default: str = "") -> str:
        """Return a parameter that may stand once.

        Raises:
            RequestError: it stands there several times.
        """
        found = [value for key, value in self.parameters if key == name]
        if len(found) > 1:
            raise RequestError(400, f"{name} may be given once", parameter=name)
        return found[0] if found else default

    def number(self, name: str, default: int, smallest: int, largest: int) -> int:
        """Return a parameter that is a number.

        Raises:
            RequestError: it is none, or not between the two.
        """
        text = self.value(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) <= 9 and smallest <= int(text) <= largest):
            raise RequestError(400, f"{name}={text[:50]} is no number between {smallest} and {largest:,}", parameter=name)
        return int(text)

    def without(self, *names: str) -> list[tuple[str, str]]:
        """Return the parameters but these."""
        return [(name, value) for name, value in self.parameters if name not in names]


@dataclass(frozen=True)
class Body:
    """The bytes of an answer, and what is told of them beside.

    Attributes:
        content: the bytes.
        next: path of the next page.
        rows: rows or points that were made, for the cost.
        is_query: whether it took a query that may take long.
        media_type: where the format doesn't say it.
    """

    content: bytes
    next: str = ""
    rows: int = 0
    is_query: bool = False
    media_type: str = ""


@dataclass(frozen=True)
class Pending:
    """An answer that is yet to be made: what is asked, the content coding, the headers that stand already, and whether the client has one anyway."""

    asked: Asked
    encoding: str
    headers: dict[str, str]
    is_any_known: bool = False


class Answers:
    """Answers questions from replicas."""

    def __init__(self, releases: ServedReleases, replicas: Replicas, serve: ServeSettings) -> None:
        self.releases, self.replicas, self.limits = releases, replicas, serve.limits
        self._kept = KeptAnswers(serve.kept_answers_bytes)
        self._code = _code_digest()

    def respond(
        self,
        request: Request,
        path: str,
        make: Callable[[Asked], Body],
        *,
        suffix: str = "",
        offered: Sequence[str] = tuple(FORMATS),
        besides: Sequence[str] = (),
    ) -> Response:
        """Return the answer to a request.

        Args:
            make: called with what is asked, where neither the client nor this server has the answer yet.
            suffix: format that the path names.
            offered: formats that there are.
            besides: what else the answer depends on: what was posted, the server's address.

        Raises:
            RequestError: it can't be answered.
        """
        pending = self.begin(request, path, suffix=suffix, offered=offered, besides=besides)
        return self.at_hand(request, pending) or self.finish(pending, make)

    def begin(
        self, request: Request, path: str, *, suffix: str = "", offered: Sequence[str] = tuple(FORMATS), besides: Sequence[str] = ()
    ) -> Pending:
        """Return what is known of an answer before it is made.

        Raises:
            RequestError: the release or the format isn't there, or the query string is none.
        """
        asked = self.question(request, path, suffix, offered)
        encoding = "" if asked.format.is_packed else chosen_encoding(request.headers.get("accept-encoding", ""))
        headers = {
            "ETag": self.etag(asked, encoding, besides),
            "Cache-Control": IMMUTABLE if asked.is_pinned else REVALIDATE,
            "Vary": VARY,
            RELEASE_HEADER: asked.replica.release.id,
        }
        return Pending(asked, encoding, headers, is_any_known=knows_any(request))

    def at_hand(self, request: Request, pending: Pending) -> Response | None:
        """Return the answer if the client has it already, or it was made before."""
        if "if-none-match" in request.headers and is_named(request, pending.headers["ETag"]):
            return Response(status_code=304, headers=pending.headers)
        kept = None if pending.is_any_known else self._kept.get(pending.headers["ETag"])
        return Response(kept.content, headers=kept.headers, media_type=kept.media_type) if kept else None

    def finish(self, pending: Pending, make: Callable[[Asked], Body]) -> Response:
        """Make an answer.

        Raises:
            RequestError: it can't be answered.
        """
        asked, headers = pending.asked, dict(pending.headers)
        body = make(asked)
        headers[COST_HEADER] = str(cost_of(body.rows, is_query=body.is_query))
        if 0 < self.limits.answer_bytes < len(body.content):
            raise RequestError(
                413,
                f"the answer is larger than {self.limits.answer_bytes:,} bytes; less at once would do",
                {COST_HEADER: headers[COST_HEADER]},
            )
        if body.next:
            headers["Link"] = f'<{body.next}>; rel="next"'
        content = body.content
        if pending.encoding and len(content) >= PACKED_FROM:
            content = packed(content, pending.encoding)
            headers["Content-Encoding"] = pending.encoding
        answer = KeptAnswer(content, headers, body.media_type or asked.format.media_type)
        self._kept.put(headers["ETag"], answer)
        if pending.is_any_known:
            return Response(status_code=304, headers=pending.headers)
        return Response(content, headers=headers, media_type=answer.media_type)

    def question(self, request: Request, path: str, suffix: str, offered: Sequence[str]) -> Asked:
        """Return what a request asks.

        Raises:
            RequestError: the release or the format isn't there, or the query string is none.
        """
        text = request.scope["query_string"].strip(b"&")
        if len(text) > MAX_QUERY:
            raise RequestError(414, f"a query string may have {MAX_QUERY:,} characters; look-ups of many names go by POST to /v1/lookup")
        try:
            parameters = tuple(
                parse_qsl(text.decode("ascii"), keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=100)
            )
        except ValueError as error:
            raise RequestError(400, "the query string is to be like name=value&name=value, in UTF-8, 100 of them at most") from error
        named = [value for name, value in parameters if name == "release"]
        in_path = request.path_params.get("release_id")
        if len(named) + bool(in_path) > 1:
            raise RequestError(400, "the release is named twice", parameter="release")
        wanted = in_path or (named[0] if named else "")
        wanted = "" if wanted == LATEST else wanted
        replica = self._replica(wanted)
        root = f"/releases/{replica.release.id}/v1" if wanted else "/v1"
        rest = tuple(one for one in parameters if one[0] != "release")
        return Asked(path, rest, replica, bool(wanted), root, self._format(request, suffix, offered), self.limits, suffix)

    def _format(self, request: Request, suffix: str, offered: Sequence[str]) -> Format:
        if not suffix:
            return accepted(request.headers.get("accept", ""), tuple(offered))
        if suffix not in offered:
            raise RequestError(404, f"there is no .{suffix[:20]} of this; there are {', '.join(offered)}")
        return FORMATS[suffix]

    def _replica(self, wanted: str) -> Replica:
        """Return the replica of the release that is asked for: the newest, or one by its id or sequence number."""
        newest = self.replicas.current()
        if newest is None:
            self.releases.newest()
            raise RequestError(
                503, "the newest release is being prepared for this API; its tables can be read already", {"Retry-After": "5"}
            )
        if not wanted or wanted == newest.release.id:
            return newest
        replica = self.replicas.named(wanted)
        if replica is None and self.replicas.is_coming(wanted):
            raise RequestError(
                503, f"release {wanted[:90]} is being prepared for this API; its tables can be read already", {"Retry-After": "5"}
            )
        if replica is None:
            kept = ", ".join(str(one) for one in self.replicas.sequences())
            raise RequestError(
                410 if was_there(wanted, newest.release.sequence) else 404,
                f"release {wanted[:90]} is not answered from here any more, or never was; there are {kept}"
                " (older releases that are kept can be read by their tables)",
                parameter="release",
            )
        return replica

    def etag(self, asked: Asked, encoding: str = "", besides: Sequence[str] = ()) -> str:
        """Return what names the bytes of an answer: they follow from the release, the code, the question, the format and the coding alone."""
        told = (self._code, asked.replica.release.id, asked.root, asked.full_path, asked.parameters, asked.format.name, encoding, *besides)
        return f'"{hashlib.blake2b(repr(told).encode(), digest_size=16).hexdigest()}"'


def was_there(wanted: str, newest: int) -> bool:
    """Tell whether a release of that number, or with an id of that number, was there before the newest one, by its number."""
    number = wanted.partition("-")[0]
    return is_number(number) and 0 < int(number) < newest


def _code_digest() -> str:
    """Return the digest of the code that makes answers, and of the versions of what writes and packs them: of others the bytes may be others."""
    digest = hashlib.blake2b(digest_size=16)
    for folder in (Path(__file__).parents[1], Path(__file__).parents[2] / "catalog"):
        for file in sorted(folder.rglob("*.py")):
            digest.update(file.read_bytes())
    for package in WRITERS:
        digest.update(f"{package} {version(package)}\n".encode())
    return digest.hexdigest()
