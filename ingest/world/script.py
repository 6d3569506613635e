"""Records that every world holds whatever its size: each oddity at least once, with names to look for.

The scripted repositories and accounts take no part in the ordinary draws, so their numbers can be followed by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from ingest.world import edits
from ingest.world.acts import Act, Era
from ingest.world.cast import Cast, NameChange
from ingest.world.edits import Edit
from ingest.world.plan import HOURS_PER_DAY, Plan

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Scripted:
    """A record at a fixed place; `tag` is its index within the hour's act, far above the drawn ones.

    `source` is the scripted record whose commits or pull request this one repeats, `early_s` how long before its hour
    it was created, `copy_hour` another hour whose file holds the same lines again.
    """

    tag: int
    oddity: str
    hour: int
    act: Act
    repository: int
    actor: int
    source: "Scripted | None" = None
    early_s: int = 0
    edit: Edit = edits.unchanged
    copy_hour: int | None = None


@dataclass(slots=True)
class Script:
    """The scripted records by hour, and who plays in them by name."""

    plan: Plan
    cast: Cast
    by_hour: dict[int, list[Scripted]] = field(default_factory=dict)
    repositories: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    _tag: int = 1_000_000

    def repository(self, name: str, owner: str | None = None) -> None:
        """Add a repository under the name it bears first, owned by an account or else an organisation."""
        self.repositories[name] = self.cast.add_repository(name, self.accounts[owner] if owner else -1)

    def account(self, login: str) -> None:
        """Add an account under the login it bears first."""
        self.accounts[login] = self.cast.add_account(login)

    def rename(self, old: str, new: str, share: float) -> None:
        """From a share of the new era on the repository or account that began as `old` is called `new`."""
        is_account = "/" not in old
        index = (self.accounts if is_account else self.repositories)[old]
        self.cast.schedule([NameChange(self.plan.pick(Era.NEW, share), is_account, index, new)])

    def act(
        self,
        oddity: str,
        when: tuple[Era, float] | int,
        act: Act,
        repository: str,
        actor: str,
        edit: Edit = edits.unchanged,
        source: Scripted | None = None,
        early_s: int = 0,
        copy_hour: int | None = None,
    ) -> Scripted:
        """Add a record at an hour, or at a share of an era."""
        hour = when if isinstance(when, int) else self.plan.pick(*when)
        self._tag += 1
        record = Scripted(
            self._tag, oddity, hour, act, self.repositories[repository], self.accounts[actor],
            source, early_s, edit, copy_hour,
        )  # fmt: skip
        self.by_hour.setdefault(hour, []).append(record)
        return record


def write_script(plan: Plan, cast: Cast) -> Script:
    """Write the whole script."""
    script = Script(plan, cast)
    _cast_roles(script)
    scenes: tuple[Callable[[Script], None], ...] = (
        _renames,
        _name_reuse,
        _accounts,
        _commits_again,
        _duplicates,
        _pull_requests,
        _latest_merges,
        _strange,
        _malformed,
    )
    for scene in scenes:
        scene(script)
    return script


def _cast_roles(script: Script) -> None:
    for login in ("larkspur", "helper-jay", "sam-one", "sam-two", "old-hand", "gitty", "wren", "Linnet", "finch-bot"):
        script.account(login)
    for name in ("Tulip/Bulb", "heron-dev/kiln", "quarry/stone", "quarry/stone-next", "fern/legacy", "delta/merge"):
        script.repository(name)
    script.repository("harbor/before")
    script.repository("larkspur/nest", owner="larkspur")


def _renames(script: Script) -> None:
    """Plan repositories that are renamed, transferred, and only ever seen before 2015."""
    script.rename("Tulip/Bulb", "tulip/garden", 0.4)
    script.rename("heron-dev/kiln", "kilnworks/kiln", 0.5)
    script.rename("harbor/before", "harbor/after", 0.35)
    for name in ("Tulip/Bulb", "heron-dev/kiln", "harbor/before"):
        for when in ((Era.OLD, 0.3), (Era.NEW, 0.2), (Era.NEW, 0.7)):
            for actor in ("wren", "Linnet", "finch-bot"):
                script.act("renamed_repository", when, Act.PUSH, name, actor, edits.on_main)
        script.act("renamed_repository", (Era.LATEST, 0.5), Act.WATCH, name, "gitty")
    for act in (Act.PUSH, Act.WATCH, Act.ISSUE_OPENED, Act.PR_MERGED, Act.RELEASE):
        script.act("old_form_only", (Era.OLD, 0.5), act, "fern/legacy", "old-hand", _main_if_push(act))


def _main_if_push(act: Act) -> Edit:
    return edits.on_main if act == Act.PUSH else edits.unchanged


def _name_reuse(script: Script) -> None:
    """`quarry/stone` is freed by one repository and taken by another."""
    script.rename("quarry/stone", "quarry/stone-archive", 0.3)
    script.rename("quarry/stone-next", "quarry/stone", 0.6)
    first = [(Era.OLD, 0.2), (Era.NEW, 0.1), (Era.NEW, 0.45), (Era.NEW, 0.9)]
    for when in first:
        script.act("reused_name", when, Act.PUSH, "quarry/stone", "wren", edits.on_main)
        script.act("reused_name", when, Act.WATCH, "quarry/stone", "gitty")
    for when in ((Era.NEW, 0.2), (Era.NEW, 0.65), (Era.LATEST, 0.3)):
        script.act("reused_name", when, Act.ISSUE_OPENED, "quarry/stone-next", "Linnet")
        script.act("reused_name", when, Act.FORK, "quarry/stone-next", "wren")


def _accounts(script: Script) -> None:
    """Plan a renamed account with its repository, one that becomes a bot, and a login that another account takes."""
    script.rename("larkspur", "lark-spurred", 0.5)
    script.rename("larkspur/nest", "lark-spurred/nest", 0.5)
    script.rename("helper-jay", "helper-jay-bot", 0.5)
    script.rename("sam-one", "samuel-one", 0.3)
    script.rename("sam-two", "sam-one", 0.6)
    for when in ((Era.OLD, 0.6), (Era.NEW, 0.15), (Era.NEW, 0.75)):
        script.act("renamed_account", when, Act.PUSH, "larkspur/nest", "larkspur", edits.on_main)
        script.act("bot_and_human", when, Act.PUSH, "larkspur/nest", "helper-jay", edits.on_main)
        script.act("reused_login", when, Act.ISSUE_COMMENT, "larkspur/nest", "sam-one")
        script.act("reused_login", when, Act.PUSH, "larkspur/nest", "sam-one", edits.on_main)
    for when in ((Era.NEW, 0.2), (Era.NEW, 0.8)):
        script.act("reused_login", when, Act.PUSH, "larkspur/nest", "sam-two", edits.on_main)


def _commits_again(script: Script) -> None:
    """Plan commits listed again: days later by another account, and by a late record that was created before the first."""
    old = script.act("commit_first", (Era.OLD, 0.4), Act.PUSH, "Tulip/Bulb", "wren", edits.on_main)
    new = script.act("commit_first", (Era.NEW, 0.3), Act.PUSH, "Tulip/Bulb", "Linnet", edits.on_main)
    script.act("commit_again", (Era.NEW, 0.5), Act.PUSH, "Tulip/Bulb", "gitty", edits.on_main, source=old)
    script.act("commit_again", (Era.NEW, 0.6), Act.PUSH, "Tulip/Bulb", "wren", edits.on_main, source=new)
    late = DAY_S * max(1, round(script.plan.settings.days * 0.6))
    script.act("commit_again_late", (Era.NEW, 0.8), Act.PUSH, "Tulip/Bulb", "gitty", edits.on_main, new, early_s=late)
    side = script.act("commit_first", (Era.NEW, 0.1), Act.PUSH, "Tulip/Bulb", "wren", edits.on_branch("refs/heads/side"))
    script.act("commit_again", (Era.NEW, 0.85), Act.PUSH, "Tulip/Bulb", "wren", edits.on_main, side)
    script.act("tag_push", (Era.NEW, 0.35), Act.PUSH, "Tulip/Bulb", "wren", edits.on_branch("refs/tags/v1"))


def _duplicates(script: Script) -> None:
    """Exact copies in the same hour and in a later hour of the day, in both forms; and a late star."""
    for when in ((Era.OLD, 0.25), (Era.NEW, 0.5), (Era.LATEST, 0.1)):
        script.act("duplicate_same_hour", when, Act.WATCH, "Tulip/Bulb", "wren", edits.twice)
        hour, later = _two_hours_of_a_day(script.plan, script.plan.pick(*when))
        script.act("duplicate_later_hour", hour, Act.WATCH, "heron-dev/kiln", "gitty", copy_hour=later)
    script.act("late", (Era.NEW, 0.7), Act.WATCH, "Tulip/Bulb", "Linnet", early_s=3 * DAY_S)
    script.act("late", (Era.LATEST, 0.7), Act.ISSUE_OPENED, "heron-dev/kiln", "Linnet", early_s=16 * DAY_S)


def _two_hours_of_a_day(plan: Plan, near: int) -> tuple[int, int]:
    """Two written hours of one UTC day, also where files are named by a local time; near the given one."""
    day = near // HOURS_PER_DAY * HOURS_PER_DAY
    hours = [hour for hour in range(day, day + 16) if plan.is_written(hour)]
    return hours[0], hours[-1]


def _pull_requests(script: Script) -> None:
    """Plan merges with and without an author, and one whose merged_at falls on the day before created_at."""
    opened = script.act("pull_request", (Era.NEW, 0.3), Act.PR_OPENED, "delta/merge", "wren")
    script.act("pull_request", (Era.NEW, 0.5), Act.PR_MERGED, "delta/merge", "Linnet", source=opened)
    script.act("merge_without_author", (Era.NEW, 0.55), Act.PR_MERGED, "delta/merge", "gitty", edits.changed(_orphan))
    midnight = _first_midnight(script.plan)
    script.act("merged_the_day_before", midnight, Act.PR_MERGED, "delta/merge", "wren", edits.changed(_before_midnight))
    script.act("release_days_earlier", (Era.NEW, 0.9), Act.RELEASE, "delta/merge", "wren", edits.changed(_published_earlier))


def _orphan(record: edits.Record) -> None:
    record["payload"]["pull_request"] |= {"user": None, "merged_at": None}


def _first_midnight(plan: Plan) -> int:
    hours = range(0, plan.hour_count, HOURS_PER_DAY)
    return next(hour for hour in hours if plan.eras[hour] == Era.NEW and plan.is_written(hour))


def _before_midnight(record: edits.Record) -> None:
    day = record["created_at"][:10]
    record["created_at"] = f"{day}T00:00:01Z"
    before = edits.previous_day(day)
    record["payload"]["pull_request"] |= {"merged_at": f"{before}T23:59:58Z", "closed_at": f"{before}T23:59:58Z"}


def _published_earlier(record: edits.Record) -> None:
    day = record["created_at"][:10]
    for _ in range(5):
        day = edits.previous_day(day)
    record["payload"]["release"]["published_at"] = f"{day}T12:00:00Z"


def _latest_merges(script: Script) -> None:
    """Plan merges of the latest form: opener known from the new form, known from the latest, unknown; and told twice."""
    for when, actor in (((Era.NEW, 0.95), "wren"), ((Era.LATEST, 0.2), "finch-bot")):
        opened = script.act("pull_request", when, Act.PR_OPENED, "delta/merge", actor)
        script.act("latest_merge_known", (Era.LATEST, 0.6), Act.PR_MERGED, "delta/merge", "Linnet", source=opened)
    script.act("latest_merge_unknown", (Era.LATEST, 0.6), Act.PR_MERGED, "delta/merge", "Linnet")
    script.act("latest_merge_told_twice", (Era.LATEST, 0.8), Act.PR_MERGED, "delta/merge", "gitty", edits.also(_next_id))


def _next_id(record: edits.Record) -> None:
    record["id"] = str(int(record["id"]) + 900_000)


def _strange(script: Script) -> None:
    """Plan valid records that are unlike the others."""
    for oddity, act, edit in (
        ("integer_id", Act.WATCH, edits.changed(lambda record: record.update(id=int(record["id"])))),
        ("no_actor", Act.WATCH, edits.put("actor", None)),
        ("no_actor", Act.PUSH, lambda line: edits.put("actor", None)(edits.on_main(line)[0])),
        ("no_repository", Act.WATCH, edits.drop("repo")),
        ("push_without_commits", Act.PUSH, lambda line: edits.put("payload.commits", [])(edits.on_main(line)[0])),
        ("long_line", Act.ISSUE_COMMENT, edits.put("payload.comment.body", edits.long_text())),
        ("nul_in_text", Act.COMMIT_COMMENT, edits.put("payload.comment.body", "before\0after")),
        ("unknown_type", Act.WATCH, edits.put("type", "SponsorshipEvent")),
    ):
        script.act(oddity, (Era.NEW, 0.4), act, "heron-dev/kiln", "wren", edit)
    script.act("no_actor", (Era.OLD, 0.4), Act.WATCH, "heron-dev/kiln", "wren", edits.put("actor", None))


def _malformed(script: Script) -> None:
    """Lines that a loader has to reject."""
    huge = 2**63 + 7
    for when, oddity, act, edit in (
        ((Era.OLD, 0.7), "not_json", Act.WATCH, edits.cut_in_two),
        ((Era.NEW, 0.45), "not_json", Act.ISSUE_COMMENT, edits.cut_in_two),
        ((Era.NEW, 0.45), "bad_utf8", Act.WATCH, edits.break_utf8),
        ((Era.NEW, 0.5), "missing_id", Act.WATCH, edits.drop("id")),
        ((Era.NEW, 0.5), "missing_type", Act.WATCH, edits.drop("type")),
        ((Era.OLD, 0.7), "missing_created_at", Act.WATCH, edits.drop("created_at")),
        ((Era.NEW, 0.55), "number_beyond_64_bits", Act.WATCH, edits.raw_number(b'"repo":{"id":', huge)),
        ((Era.NEW, 0.55), "number_beyond_64_bits", Act.WATCH, edits.raw_number(b'"actor":{"id":', huge**2)),
        ((Era.LATEST, 0.55), "number_beyond_64_bits", Act.PR_OPENED, edits.raw_number(b'"number":', huge)),
        ((Era.NEW, 0.6), "bad_created_at", Act.WATCH, edits.put("created_at", "2024-13-45T99:00:00Z")),
        ((Era.LATEST, 0.6), "bad_created_at", Act.WATCH, edits.put("created_at", "yesterday")),
        ((Era.NEW, 0.6), "not_an_object", Act.WATCH, edits.wrap_in_array),
    ):
        script.act(f"malformed_{oddity}", when, act, "heron-dev/kiln", "wren", edit)
