"""Records in GH Archive's form since 2015, one line of JSON each."""

from collections.abc import Callable

import numpy as np

from ingest.world.acts import TYPE_NAMES, Act
from ingest.world.batches import DAY_S, pull_numbers, push_shas, push_sizes
from ingest.world.cast import Cast, number_of
from ingest.world.phrases import Batch, Fragments, actor_json, organisation_json, repository_json, user_json
from ingest.world.texts import BRANCHES, COMMENTS, HASHED_ADDRESSES, MESSAGES, PEOPLE, TITLES

API = "https://api.github.com/repos/"
Payloads = Callable[[Batch, Fragments], list[str]]


class NewForm:
    """Writes the lines of the form since 2015."""

    def __init__(self, cast: Cast) -> None:
        self._actors = Fragments(actor_json, cast)
        self._repositories = Fragments(repository_json, cast)
        self._organisations = Fragments(organisation_json, cast)
        self._users = Fragments(user_json, cast)

    def lines(self, act: Act, batch: Batch) -> list[str]:
        """Return the lines of an act's records, in the batch's order."""
        payloads = self.payloads(act)(batch, self._users.fresh())
        head = f'","type":"{TYPE_NAMES[act]}","actor":'
        actors, repositories, organisations = (fragments.fresh() for fragments in (self._actors, self._repositories, self._organisations))
        return [
            f'{{"id":"{number}{head}{actors[actor]},"repo":{repositories[repository]},"payload":{payload},'
            f'"public":true,"created_at":"{created}"{organisations[repository]}}}'
            for number, actor, repository, payload, created in zip(
                batch.ids, batch.actors, batch.repositories, payloads, batch.created, strict=True
            )
        ]

    def payloads(self, act: Act) -> Payloads:
        """Return what writes the payloads of an act."""
        return PAYLOADS[act]


def push(batch: Batch, _users: Fragments) -> list[str]:
    """Pushes with their commits."""
    sizes = push_sizes(batch.sources)
    shas = push_shas(batch.sources, sizes)
    ends = np.cumsum(sizes)
    messages = batch.choose(21, MESSAGES)
    people = batch.choose(22, PEOPLE)
    names = [batch.cast.names[at] for at in batch.repositories]
    payloads = []
    for start, end, number, ref, name, actor, message, person in zip(
        (ends - sizes).tolist(), ends.tolist(), batch.ids, batch.choose(20, BRANCHES), names, batch.actors, messages,
        people, strict=True,
    ):  # fmt: skip
        address = HASHED_ADDRESSES[actor % 2048]
        commits = ",".join(
            [
                f'{{"sha":"{sha}","author":{{"email":"{address}","name":"{person}"}},"message":"{message}",'
                f'"distinct":true,"url":"{API}{name}/commits/{sha}"}}'
                for sha in shas[start:end]
            ]
        )
        payloads.append(
            f'{{"push_id":{number - 7},"size":{end - start},"distinct_size":{end - start},"ref":"refs/heads/{ref}",'
            f'"head":"{shas[end - 1]}","before":"{shas[start][::-1]}","commits":[{commits}]}}'
        )
    return payloads


def create(batch: Batch, _users: Fragments) -> list[str]:
    """Write new branches, tags and repositories."""
    refs = batch.choose(20, ('"dev","ref_type":"branch"', '"v1.0.2","ref_type":"tag"', 'null,"ref_type":"repository"'))
    return [f'{{"ref":{ref},"master_branch":"main","description":"A thing","pusher_type":"user"}}' for ref in refs]


def delete(batch: Batch, _users: Fragments) -> list[str]:
    """Write deleted branches."""
    return [f'{{"ref":"{ref}","ref_type":"branch","pusher_type":"user"}}' for ref in batch.choose(20, BRANCHES)]


def watch(batch: Batch, _users: Fragments) -> list[str]:
    """Stars."""
    return ['{"action":"started"}'] * len(batch)


def fork(batch: Batch, users: Fragments) -> list[str]:
    """Forks; the new repository's number is one that never acts."""
    return [
        f'{{"forkee":{{"id":{number % 2**40},"name":"{name}","full_name":"{batch.cast.logins[actor]}/{name}",'
        f'"owner":{users[actor]},"private":false,"html_url":"https://github.com/{batch.cast.logins[actor]}/{name}",'
        f'"fork":true,"created_at":"{created}","default_branch":"main","public":true}}}}'
        for number, actor, name, created in zip(batch.ids, batch.actors, _short_names(batch), batch.created, strict=True)
    ]


def issue(action: str) -> Payloads:
    """Issues with an action."""

    def payloads(batch: Batch, users: Fragments) -> list[str]:
        return [f'{{"action":"{action}","issue":{text}}}' for text in _issues(batch, users)]

    return payloads


def issue_comment(batch: Batch, users: Fragments) -> list[str]:
    """Comments on issues."""
    return [
        f'{{"action":"created","issue":{text},"comment":{comment}}}'
        for text, comment in zip(_issues(batch, users), _comments(batch, users, "issues/comments"), strict=True)
    ]


def commit_comment(batch: Batch, users: Fragments) -> list[str]:
    """Comments on commits."""
    return [f'{{"comment":{comment}}}' for comment in _comments(batch, users, "comments")]


def pull(action: str, state: str) -> Payloads:
    """Pull requests with an action, not merged."""

    def payloads(batch: Batch, users: Fragments) -> list[str]:
        ends = [f'"closed_at":"{at}"' if state == "closed" else '"closed_at":null' for at in batch.created]
        merges = ['"merged_at":null'] * len(batch)
        return [
            f'{{"action":"{action}","number":{number},"pull_request":{text}}}'
            for number, text in zip(pull_numbers(batch.sources), _pulls(batch, users, state, ends, merges), strict=True)
        ]

    return payloads


def pull_merged(batch: Batch, users: Fragments) -> list[str]:
    """Pull requests that are closed by a merge, which lies up to three seconds before the record's time."""
    times = batch.moments(batch.numbers(28, 4, first=0))
    ends, merges = [f'"closed_at":"{at}"' for at in times], [f'"merged_at":"{at}"' for at in times]
    return [
        f'{{"action":"closed","number":{number},"pull_request":{text}}}'
        for number, text in zip(pull_numbers(batch.sources), _pulls(batch, users, "closed", ends, merges), strict=True)
    ]


def review(batch: Batch, users: Fragments) -> list[str]:
    """Reviews of pull requests."""
    states = batch.choose(20, ("approved", "commented", "changes_requested"))
    texts = batch.choose(21, COMMENTS)
    return [
        f'{{"action":"created","review":{{"id":{number % 2**31},"user":{users[actor]},"body":"{text}",'
        f'"submitted_at":"{created}","state":"{state}"}},"pull_request":{pull}}}'
        for number, actor, text, created, state, pull in zip(
            batch.ids, batch.actors, texts, batch.created, states, _small_pulls(batch, users), strict=True
        )
    ]


def review_comment(batch: Batch, users: Fragments) -> list[str]:
    """Comments on the lines of pull requests."""
    return [
        f'{{"action":"created","comment":{comment},"pull_request":{pull}}}'
        for comment, pull in zip(_comments(batch, users, "pulls/comments"), _small_pulls(batch, users), strict=True)
    ]


def release(batch: Batch, users: Fragments) -> list[str]:
    """Releases; one in ten was published up to nine days before its record."""
    earlier = [0 if die else second for die, second in zip(batch.numbers(22, 10, 0), batch.numbers(28, 9 * DAY_S), strict=True)]
    return [
        f'{{"action":"published","release":{{"url":"{API}{name}/releases/{number % 2**31}","id":{number % 2**31},'
        f'"author":{users[actor]},"tag_name":"v{patch // 10}.{patch % 10}","name":"{patch}","draft":false,'
        f'"prerelease":false,"created_at":"{at}","published_at":"{at}","assets":[],"body":"{text}"}}}}'
        for number, actor, name, patch, at, text in zip(
            batch.ids, batch.actors, [batch.cast.names[at] for at in batch.repositories], batch.numbers(23, 90),
            batch.moments(earlier), batch.choose(24, MESSAGES), strict=True,
        )
    ]  # fmt: skip


def gollum(batch: Batch, _users: Fragments) -> list[str]:
    """Edits of wikis."""
    return [
        f'{{"pages":[{{"page_name":"Home","title":"Home","summary":null,"action":"edited","sha":"{number:040x}"}}]}}'
        for number in batch.ids
    ]


def member(batch: Batch, users: Fragments) -> list[str]:
    """Write new members of repositories."""
    return [f'{{"member":{users[author]},"action":"added"}}' for author in batch.authors]


def nothing(batch: Batch, _users: Fragments) -> list[str]:
    """Empty payloads."""
    return ["{}"] * len(batch)


def discussion(batch: Batch, _users: Fragments) -> list[str]:
    """Write new discussions, a type that came late and that no event is made of."""
    titles = batch.choose(20, TITLES)
    return [f'{{"action":"created","discussion":{{"title":"{title}","state":"open"}}}}' for title in titles]


def _short_names(batch: Batch) -> list[str]:
    return [batch.cast.names[at].split("/")[1] for at in batch.repositories]


def _issues(batch: Batch, users: Fragments) -> list[str]:
    return [
        f'{{"url":"{API}{name}/issues/{number}","html_url":"https://github.com/{name}/issues/{number}",'
        f'"id":{identity % 2**31},"number":{number},"title":"{title}","user":{users[author]},"labels":[],'
        f'"state":"open","locked":false,"assignee":null,"milestone":null,"comments":{number % 9},'
        f'"created_at":"{created}","updated_at":"{created}","closed_at":null,"body":"{body}"}}'
        for name, number, identity, title, author, created, body in zip(
            [batch.cast.names[at] for at in batch.repositories], batch.numbers(25, 9_000), batch.ids,
            batch.choose(26, TITLES), batch.authors, batch.created, batch.choose(27, COMMENTS), strict=True,
        )
    ]  # fmt: skip


def _comments(batch: Batch, users: Fragments, path: str) -> list[str]:
    return [
        f'{{"url":"{API}{name}/{path}/{number % 2**31}","id":{number % 2**31},"user":{users[actor]},'
        f'"created_at":"{created}","updated_at":"{created}","author_association":"MEMBER","body":"{body}"}}'
        for name, number, actor, created, body in zip(
            [batch.cast.names[at] for at in batch.repositories], batch.ids, batch.actors, batch.created,
            batch.choose(29, COMMENTS), strict=True,
        )
    ]  # fmt: skip


def _small_pulls(batch: Batch, users: Fragments) -> list[str]:
    return [
        f'{{"url":"{API}{name}/pulls/{number}","html_url":"https://github.com/{name}/pull/{number}",'
        f'"number":{number},"state":"open","title":"{title}","user":{users[author]}}}'
        for name, number, title, author in zip(
            [batch.cast.names[at] for at in batch.repositories], pull_numbers(batch.sources),
            batch.choose(26, TITLES), batch.authors, strict=True,
        )
    ]  # fmt: skip


def _pulls(batch: Batch, users: Fragments, state: str, ends: list[str], merges: list[str]) -> list[str]:
    """Pull requests at length, with both sides."""
    is_merged = ['"merged":false' if merge.endswith("null") else '"merged":true' for merge in merges]
    shas = [f"{number:040x}" for number in batch.sources.tolist()]
    return [
        f'{{"url":"{API}{name}/pulls/{number}","id":{identity % 2**31},"html_url":"https://github.com/{name}/pull/'
        f'{number}","diff_url":"https://github.com/{name}/pull/{number}.diff","number":{number},"state":"{state}",'
        f'"locked":false,"title":"{title}","user":{users[author]},"body":"{body}","created_at":"{created}",'
        f'"updated_at":"{created}",{end},{merge},"merge_commit_sha":"{sha}","assignee":null,"labels":[],'
        f'"head":{{"label":"{name.split("/")[0]}:patch-1","ref":"patch-1","sha":"{sha}","repo":{{"id":'
        f'{number_of(repository)},"full_name":"{name}","private":false,"fork":false,"default_branch":"main"}}}},'
        f'"base":{{"label":"{name.split("/")[0]}:main","ref":"main","sha":"{sha}","repo":{{"id":'
        f'{number_of(repository)},"full_name":"{name}","private":false,"fork":false,"default_branch":"main"}}}},'
        f'{merged},"mergeable":null,"comments":{number % 7},"commits":{number % 5},"additions":{number % 301},'
        f'"deletions":{number % 83},"changed_files":{number % 13}}}'
        for name, repository, number, identity, title, author, body, created, end, merge, sha, merged in zip(
            [batch.cast.names[at] for at in batch.repositories], batch.repositories, pull_numbers(batch.sources),
            batch.ids, batch.choose(26, TITLES), batch.authors, batch.choose(27, COMMENTS), batch.created, ends,
            merges, shas, is_merged, strict=True,
        )
    ]  # fmt: skip


PAYLOADS: dict[Act, Payloads] = {
    Act.PUSH: push,
    Act.CREATE: create,
    Act.DELETE: delete,
    Act.WATCH: watch,
    Act.FORK: fork,
    Act.ISSUE_OPENED: issue("opened"),
    Act.ISSUE_CLOSED: issue("closed"),
    Act.ISSUE_REOPENED: issue("reopened"),
    Act.ISSUE_LABELED: issue("labeled"),
    Act.ISSUE_COMMENT: issue_comment,
    Act.COMMIT_COMMENT: commit_comment,
    Act.PR_OPENED: pull("opened", "open"),
    Act.PR_CLOSED: pull("closed", "closed"),
    Act.PR_REOPENED: pull("reopened", "open"),
    Act.PR_LABELED: pull("labeled", "open"),
    Act.PR_MERGED: pull_merged,
    Act.REVIEW: review,
    Act.REVIEW_COMMENT: review_comment,
    Act.RELEASE: release,
    Act.GOLLUM: gollum,
    Act.MEMBER: member,
    Act.PUBLIC: nothing,
    Act.DISCUSSION: discussion,
}
