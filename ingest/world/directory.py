"""The directory of projects: its YAML files at each of its commits, in schema version 7."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from ingest.world.cast import Cast
from ingest.world.gitstore import Commit, Person, make_work_tree
from ingest.world.plan import Plan
from ingest.world.projects import ROLE_COUNT, Project, ordinary_project, scripted_projects

EDITOR = ("Directory Editor", "editor@users.noreply.github.com")
README = "# Projects\n\nOne YAML file per project, sorted into folders by first letter.\n"


@dataclass(slots=True)
class Directory:
    """The state of the directory while its history is written, and the commits so far."""

    start: datetime
    projects: dict[str, Project] = field(default_factory=dict)
    collections: dict[str, list[str]] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    commits: list[Commit] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)
    _written: dict[str, str] = field(default_factory=dict)

    def files(self) -> dict[str, str]:
        """Path and text of each file."""
        files = dict(self.others)
        files |= {project.path: project.yaml() for project in self.projects.values()}
        files |= {f"data/collections/{slug}.yaml": _collection(slug, of) for slug, of in self.collections.items()}
        return files

    def add(self, *projects: Project) -> None:
        """List projects, or list them anew."""
        self.projects |= {project.slug: project for project in projects}

    def drop(self, *slugs: str) -> None:
        """Remove projects."""
        for slug in slugs:
            del self.projects[slug]

    def count(self, *oddities: str) -> None:
        """Note one of each oddity."""
        self.oddities.update(oddities)

    def commit(self, day: float, message: str) -> None:
        """Commit the state at so many days after the world's start."""
        second = int((self.start + timedelta(days=day)).timestamp())
        person = Person(*EDITOR, second=second, offset="+0200")
        now = self.files()
        changed: dict[str, str | None] = {path: text for path, text in now.items() if self._written.get(path) != text}
        changed |= {path: None for path in self._written if path not in now}
        mark = len(self.commits) + 1
        parents = (mark - 1,) if mark > 1 else ()
        self.commits.append(Commit(mark, "main", person, person, message, parents, changed))
        self._written = now


def _collection(slug: str, projects: list[str]) -> str:
    text = f"version: 7\nname: {slug}\ndisplay_name: {slug.title()}\nprojects:\n"
    return text + "".join(f"  - {project}\n" for project in projects)


def write_directory(plan: Plan, cast: Cast, folder: Path, oddities: Counter[str]) -> Directory:
    """Write the directory with its history; `cast` bears the names of the world's start."""
    midnight = datetime.combine(plan.settings.start, time(9, 30), UTC)
    directory = Directory(midnight)
    roles = scripted_projects(cast)
    ordinary = [ordinary_project(cast, number, plan.settings.projects) for number in range(plan.settings.projects - ROLE_COUNT)]
    edge = max(3, int(len(ordinary) * 0.6))
    days = plan.settings.days
    _begin(directory, ordinary[:edge], roles)
    _grow(directory, ordinary[edge:], roles, days)
    _change(directory, roles, days)
    make_work_tree(folder, directory.commits, directory.files())
    oddities.update(directory.oddities)
    oddities["directory_commits"] = len(directory.commits)
    return directory


def _begin(directory: Directory, projects: list[Project], roles: dict[str, Project]) -> None:
    early = ("tulip", "kiln-works-old", "quarry", "phoenix", "commons", "owner-of-all", "odd-entries", "larkspur-nest")
    directory.add(*projects, *(roles[slug] for slug in early))
    slugs = list(directory.projects)
    directory.collections = {"everything": slugs, "every-second": slugs[::2], "twice": ["tulip", "quarry", "tulip"]}
    directory.count("collection_lists_twice", "entry_upper_case", "entry_twice_in_project", "entry_owner_only")
    directory.commit(-30, "Begin the directory")


def _grow(directory: Directory, projects: list[Project], roles: dict[str, Project], days: int) -> None:
    """Add a README among the projects, a renamed and a deleted project, and new ones."""
    half = len(projects) // 2
    directory.others["data/projects/README.md"] = README
    directory.add(*projects[:half])
    directory.commit(days * 0.25, "List more projects")
    directory.drop("kiln-works-old", "phoenix")
    directory.add(*projects[half:], roles["kiln-works"])
    directory.collections["everything"] = list(directory.projects)
    directory.count("project_renamed", "project_deleted", "readme_among_yaml")
    directory.commit(days * 0.5, "List the rest; kiln-works has a new name, phoenix is gone")


def _change(directory: Directory, roles: dict[str, Project], days: int) -> None:
    """List a name again after another repository took it, an artifact in two projects, an entry that goes."""
    tulip = directory.projects["tulip"]
    directory.add(roles["quarry-today"], roles["second-home"], replace(tulip, urls=tulip.urls[:2]))
    directory.collections["young"] = ["quarry-today", "second-home", "phoenix"]
    directory.count("reused_name_listed_again", "artifact_in_two_projects", "entry_removed", "collection_lists_deleted")
    directory.commit(days * 0.75, "List quarry-today and second-home")
    directory.add(replace(tulip, urls=tulip.urls[:2], extra=tulip.extra + "comments:\n  - still there\n"))
    directory.commit(days * 0.9, "Add a comment")
