"""Renames, transfers and re-used names among the ordinary accounts and repositories; all after the old era."""

from collections import Counter
from dataclasses import dataclass

from ingest.world.acts import Era
from ingest.world.cast import BOTS, LOOKALIKES, Cast, NameChange
from ingest.world.plan import Plan

FIRST_REPOSITORY, REPOSITORY_STEP = 2, 7
FIRST_ACCOUNT, ACCOUNT_STEP = len(BOTS) + len(LOOKALIKES), 19


@dataclass(frozen=True, slots=True)
class _Moment:
    """Hours of the numbered eras by share of their length."""

    first: int
    last: int

    def at(self, share: float) -> int:
        return self.first + int(share * (self.last - self.first))


def schedule_changes(plan: Plan, cast: Cast, oddities: Counter[str]) -> None:
    """Plan the changes of name of about one in a hundred accounts and repositories, the active ones among them."""
    moment = _Moment(int((plan.eras != Era.OLD).argmax()) + 2, plan.hour_count - 2)
    owned, accounts = _account_changes(cast, moment)
    repositories = _repository_changes(cast, moment, owned)
    cast.schedule(accounts + repositories)
    oddities["account_renames"] += sum(change.is_account for change in accounts)
    oddities["repository_name_changes"] += len(repositories) + sum(not change.is_account for change in accounts)


def _account_changes(cast: Cast, moment: _Moment) -> tuple[set[int], list[NameChange]]:
    """Rename accounts, whose repositories change their names with them; every third takes a bot's name."""
    changes: list[NameChange] = []
    owned: set[int] = set()
    chosen = range(FIRST_ACCOUNT, cast.extra_accounts, max(ACCOUNT_STEP, cast.extra_accounts // 400))
    repositories = _owned_by(cast, set(chosen))
    for at, account in enumerate(chosen):
        login = cast.logins[account]
        new = f"{login}-bot" if at % 3 == 0 else f"{login}x"
        hour = moment.at((at * 0.377) % 1.0)
        changes.append(NameChange(hour, True, account, new))
        for repository in repositories.get(account, []):
            owned.add(repository)
            changes.append(NameChange(hour, False, repository, f"{new}/{cast.names[repository].split('/')[1]}"))
    return owned, changes


def _owned_by(cast: Cast, accounts: set[int]) -> dict[int, list[int]]:
    repositories: dict[int, list[int]] = {}
    for repository, owner in enumerate(cast.owners):
        if owner in accounts:
            repositories.setdefault(owner, []).append(repository)
    return repositories


def _repository_changes(cast: Cast, moment: _Moment, owned: set[int]) -> list[NameChange]:
    """By turns: renamed, transferred, and renamed with another repository taking the freed name later."""
    changes: list[NameChange] = []
    step = max(REPOSITORY_STEP, cast.extra_repositories // 300)
    chosen = [r for r in range(FIRST_REPOSITORY, cast.extra_repositories // 2, step) if r not in owned]
    for at, repository in enumerate(chosen):
        owner, name = cast.names[repository].split("/")
        hour = moment.at((at * 0.618 + 0.1) % 0.8)
        if at % 3 == 1:
            changes.append(NameChange(hour, False, repository, f"new-home{at}/{name}"))
            continue
        changes.append(NameChange(hour, False, repository, f"{owner}/{name}-classic"))
        taker = cast.extra_repositories - 1 - at
        if at % 3 == 2 and taker not in owned and taker > chosen[-1]:
            changes.append(NameChange(moment.at(0.85 + at % 10 / 100), False, taker, cast.names[repository]))
    return changes
