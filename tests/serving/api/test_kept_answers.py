"""Answers that are kept for who asks the same: the same as those that are made anew, and never more of them than memory is given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from marts_lake import MartsLake
from web_servers import AppClient, unlimited

from catalog.settings import Settings
from serving.api.answers import Answers, Asked, Body
from serving.api.kept_answers import KeptAnswer, KeptAnswers
from serving.app import create_app

PATHS = (
    "/v1/projects?limit=2",
    "/v1/projects.csv",
    "/v1/artifacts?order=artifact_name.desc&limit=3",
    "/v1/metrics?metric_name=like.github*",
    "/v1/search?q=alpha",
    "/v1/metric-periods.parquet",
)


def _client(lake: MartsLake, kept_answers_bytes: int) -> AppClient:
    settings: Settings = unlimited(lake.settings)
    serve = settings.serve.model_copy(update={"kept_answers_bytes": kept_answers_bytes})
    return AppClient(create_app(settings.model_copy(update={"serve": serve})))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("coding", ["identity", "gzip", "br", "zstd"])
def test_a_kept_answer_is_the_one_that_is_made_anew(marts_lake: MartsLake, path: str, coding: str) -> None:
    """Bytes and headers are those of a server that keeps none, however often it is asked."""
    keeping, forgetting = _client(marts_lake, 32_000_000), _client(marts_lake, 0)
    answers = [client.get(path, headers={"Accept-Encoding": coding}) for client in (keeping, keeping, forgetting, forgetting)]
    told = [(answer.status_code, answer.content, {**answer.headers, "x-request-id": ""}) for answer in answers]
    assert told[0][0] == 200
    assert told == [told[0]] * 4


def test_an_answer_is_made_once(marts_lake: MartsLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks what was asked before gets it without its being made anew; a server that keeps none makes it each time."""
    made: list[str] = []
    finish = Answers.finish

    def counted(self: Answers, pending: object, make: Callable[[Asked], Body]) -> object:
        made.append("once")
        return finish(self, pending, make)  # type: ignore[arg-type]

    monkeypatch.setattr(Answers, "finish", counted)
    for most_bytes, times in ((32_000_000, 1), (0, 3)):
        client = _client(marts_lake, most_bytes)
        made.clear()
        for _ in range(3):
            assert client.get("/v1/projects").status_code == 200
        assert len(made) == times


def test_a_refusal_is_never_kept(marts_lake: MartsLake) -> None:
    """What can't be answered is told each time, under the id of its own request."""
    client = _client(marts_lake, 32_000_000)
    refused = [client.get("/v1/projects?nothing=eq.1") for _ in range(2)]
    assert [answer.status_code for answer in refused] == [400, 400]
    assert refused[0].headers["x-request-id"] != refused[1].headers["x-request-id"]


def test_what_is_kept_is_bounded() -> None:
    """Those that were asked for last stay, and one that is larger than its share is not kept at all."""
    kept = KeptAnswers(100_000)
    for number in range(100):
        kept.put(str(number), KeptAnswer(b"x" * 4_000, {}, "text/plain"))
        assert kept.get("0") is not None
        assert kept.size <= 100_000
    kept.put("large", KeptAnswer(b"x" * 20_000, {}, "text/plain"))
    there = [number for number in range(100) if kept.get(str(number))]
    assert there == [0, *range(81, 100)]
    assert kept.get("large") is None
    kept.put("99", KeptAnswer(b"x" * 4_000, {}, "text/plain"))
    assert kept.size == 100_000
