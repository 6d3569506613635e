"""Records in the form since October 2025: pushes without commits, pull requests cut down, merges as an own action."""

from ingest.world.acts import Act
from ingest.world.batches import pull_numbers
from ingest.world.cast import number_of
from ingest.world.draws import hex_names
from ingest.world.newform import API, NewForm, Payloads
from ingest.world.phrases import Batch, Fragments
from ingest.world.texts import BRANCHES


class LatestForm(NewForm):
    """Writes the lines of the form since October 2025."""

    def payloads(self, act: Act) -> Payloads:
        """Return what writes the payloads of an act."""
        return PAYLOADS.get(act) or super().payloads(act)


def push(batch: Batch, _users: Fragments) -> list[str]:
    """Pushes, which tell their head only."""
    return [
        f'{{"repository_id":{number_of(repository)},"push_id":{number - 7},"ref":"refs/heads/{ref}","head":"{head}",'
        f'"before":"{head[::-1]}"}}'
        for repository, number, ref, head in zip(
            batch.repositories, batch.ids, batch.choose(20, BRANCHES), hex_names(batch.keys), strict=True
        )
    ]


def pull(action: str) -> Payloads:
    """Pull requests with an action, cut down to url, id, node_id, number, head and base."""

    def payloads(batch: Batch, _users: Fragments) -> list[str]:
        return [
            f'{{"action":"{action}","number":{number},"pull_request":{text}}}'
            for number, text in zip(pull_numbers(batch.sources), cut_pulls(batch), strict=True)
        ]

    return payloads


def cut_pulls(batch: Batch) -> list[str]:
    """Pull requests without author, state and times."""
    sides = [
        f'"ref":"{ref}","sha":"{sha}","repo":{{"id":{number_of(at)},"url":"{API}{batch.cast.names[at]}",'
        f'"name":"{batch.cast.names[at].split("/")[1]}"}}'
        for at, sha, ref in zip(batch.repositories, hex_names(batch.sources), batch.choose(23, ("patch-1", "fix", "next")), strict=True)
    ]
    return [
        f'{{"url":"{API}{batch.cast.names[at]}/pulls/{number}","id":{identity % 2**40},'
        f'"node_id":"PR_kwDO{identity:x}","number":{number},"head":{{{side}}},"base":{{{side}}}}}'
        for at, number, identity, side in zip(batch.repositories, pull_numbers(batch.sources), batch.ids, sides, strict=True)
    ]


def review_comment(batch: Batch, users: Fragments) -> list[str]:
    """Comments on the lines of pull requests."""
    comments = short_comments(batch, users)
    return [
        f'{{"action":"created","comment":{comment},"pull_request":{text}}}'
        for comment, text in zip(comments, cut_pulls(batch), strict=True)
    ]


def short_comments(batch: Batch, users: Fragments) -> list[str]:
    """Return the comments themselves."""
    return [
        f'{{"id":{number % 2**31},"user":{users[actor]},"created_at":"{created}","body":"{body}"}}'
        for number, actor, created, body in zip(
            batch.ids, batch.actors, batch.created, batch.choose(29, ("LGTM", "Why?", "nit: spelling")), strict=True
        )
    ]


def review(batch: Batch, users: Fragments) -> list[str]:
    """Reviews of pull requests."""
    return [
        f'{{"action":"created","review":{{"id":{number % 2**31},"user":{users[actor]},"state":"{state}"}},"pull_request":{text}}}'
        for number, actor, state, text in zip(
            batch.ids, batch.actors, batch.choose(20, ("approved", "commented")), cut_pulls(batch), strict=True
        )
    ]


PAYLOADS: dict[Act, Payloads] = {
    Act.PUSH: push,
    Act.PR_OPENED: pull("opened"),
    Act.PR_CLOSED: pull("closed"),
    Act.PR_MERGED: pull("merged"),
    Act.PR_REOPENED: pull("reopened"),
    Act.PR_LABELED: pull("labeled"),
    Act.REVIEW: review,
    Act.REVIEW_COMMENT: review_comment,
}
