"""Records in GH Archive's form before 2015: no numbers, the actor a string, times with an offset."""

import numpy as np

from ingest.world import newform
from ingest.world.acts import TYPE_NAMES, Act
from ingest.world.batches import push_shas, push_sizes
from ingest.world.cast import Cast
from ingest.world.newform import Payloads
from ingest.world.phrases import Batch, Fragments, user_json
from ingest.world.texts import BRANCHES, HASHED_ADDRESSES, LANGUAGES, MESSAGES, PEOPLE

WITHOUT_REPOSITORY = frozenset({Act.FOLLOW, Act.GIST})


class OldForm:
    """Writes the lines of the form before 2015."""

    def __init__(self, cast: Cast) -> None:
        self._users = Fragments(user_json, cast)
        self._repositories = Fragments(repository_json, cast)
        self._attributes = Fragments(attributes_json, cast)
        self._cast = cast

    def lines(self, act: Act, batch: Batch) -> list[str]:
        """Return the lines of an act's records, in the batch's order."""
        payloads = PAYLOADS[act](batch, self._users.fresh())
        repositories, attributes = self._repositories.fresh(), self._attributes.fresh()
        tail, logins, names = f',"type":"{TYPE_NAMES[act]}"}}', self._cast.logins, self._cast.names
        lines = [
            f'{{"repository":{repositories[repository]},"actor_attributes":{attributes[actor]},'
            f'"created_at":"{created}","public":true,"actor":"{logins[actor]}","payload":{payload},'
            f'"url":"https://github.com/{names[repository]}"{tail}'
            for repository, actor, created, payload in zip(batch.repositories, batch.actors, batch.created, payloads, strict=True)
        ]
        return [_without_repository(line) for line in lines] if act in WITHOUT_REPOSITORY else lines


def _without_repository(line: str) -> str:
    return "{" + line[line.index('"actor_attributes"') :]


def repository_json(cast: Cast, index: int) -> str:
    """Return the repository of a record before 2015, which has no number."""
    (owner, name), watchers = cast.names[index].split("/"), index % 97
    organisation = f',"organization":"{owner}"' if cast.owners[index] < 0 else ""
    return (
        f'{{"url":"https://github.com/{owner}/{name}","has_downloads":true,"watchers":{watchers},"forks":{index % 31},'
        f'"has_issues":true,"has_wiki":true,"description":"The {name}","fork":false,"language":"'
        f'{LANGUAGES[index % len(LANGUAGES)]}","created_at":"2010-01-25T21:32:55-08:00","size":{index % 3000},'
        f'"private":false,"open_issues":{index % 17},"name":"{name}","owner":"{owner}"{organisation},"homepage":""}}'
    )


def attributes_json(cast: Cast, index: int) -> str:
    """Return what a record before 2015 tells about its actor."""
    return (
        f'{{"name":"{PEOPLE[index % len(PEOPLE)]}","gravatar_id":"{index * 7919:032x}","location":"Earth",'
        f'"type":"User","login":"{cast.logins[index]}","email":"{HASHED_ADDRESSES[index % 2048]}"}}'
    )


def push(batch: Batch, _users: Fragments) -> list[str]:
    """Pushes with their commits as lists: sha, address, message, name, distinct."""
    sizes = push_sizes(batch.sources)
    shas = push_shas(batch.sources, sizes)
    ends = np.cumsum(sizes)
    payloads = []
    for start, end, ref, actor, message, person in zip(
        (ends - sizes).tolist(), ends.tolist(), batch.choose(20, BRANCHES), batch.actors, batch.choose(21, MESSAGES),
        batch.choose(22, PEOPLE), strict=True,
    ):  # fmt: skip
        address = HASHED_ADDRESSES[actor % 2048]
        listed = ",".join([f'["{sha}","{address}","{message}","{person}",true]' for sha in shas[start:end]])
        payloads.append(f'{{"head":"{shas[end - 1]}","size":{end - start},"shas":[{listed}],"ref":"refs/heads/{ref}"}}')
    return payloads


def numbered_issue(action: str) -> Payloads:
    """Issues with an action; the issue is a number only."""

    def payloads(batch: Batch, _users: Fragments) -> list[str]:
        return [
            f'{{"number":{number},"action":"{action}","issue":{issue}}}'
            for number, issue in zip(batch.numbers(25, 9_000), batch.numbers(26, 5_000_000), strict=True)
        ]

    return payloads


def comment_numbers(batch: Batch, _users: Fragments) -> list[str]:
    """Comments on issues, numbers only."""
    return [f'{{"issue_id":{number},"comment_id":{number + 99}}}' for number in batch.numbers(25, 5_000_000)]


def commit_comment(batch: Batch, _users: Fragments) -> list[str]:
    """Comments on commits, numbers only."""
    return [f'{{"commit":"{number:040x}","comment_id":{number}}}' for number in batch.numbers(25, 5_000_000)]


def follow(batch: Batch, users: Fragments) -> list[str]:
    """People who follow others."""
    return [f'{{"target":{users[author]}}}' for author in batch.authors]


def gist(batch: Batch, _users: Fragments) -> list[str]:
    """Gists."""
    return [
        f'{{"name":"gist: {number}","url":"https://gist.github.com/{number}","action":"create","id":{number},"desc":""}}'
        for number in batch.numbers(25, 5_000_000)
    ]


def download(batch: Batch, _users: Fragments) -> list[str]:
    """Files that were put up for download."""
    return [f'{{"url":"https://github.com/downloads/{number}.zip","id":{number}}}' for number in batch.numbers(25, 9_999)]


PAYLOADS: dict[Act, Payloads] = newform.PAYLOADS | {
    Act.PUSH: push,
    Act.ISSUE_OPENED: numbered_issue("opened"),
    Act.ISSUE_CLOSED: numbered_issue("closed"),
    Act.ISSUE_REOPENED: numbered_issue("reopened"),
    Act.ISSUE_COMMENT: comment_numbers,
    Act.COMMIT_COMMENT: commit_comment,
    Act.FORK: newform.nothing,
    Act.FOLLOW: follow,
    Act.GIST: gist,
    Act.DOWNLOAD: download,
}
