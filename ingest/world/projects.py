"""The projects of the directory: ordinary ones, and those with a role in the script."""

from dataclasses import dataclass

from ingest.world.cast import Cast


@dataclass(frozen=True, slots=True)
class Project:
    """A project's file: its slug, the URLs under `github:`, and further lines of YAML."""

    slug: str
    urls: tuple[str, ...]
    extra: str = ""

    @property
    def path(self) -> str:
        """Where the file stands."""
        return f"data/projects/{self.slug[0]}/{self.slug}.yaml"

    def yaml(self) -> str:
        """Return the file's text."""
        title = self.slug.replace("-", " ").title()
        text = f"version: 7\nname: {self.slug}\ndisplay_name: {title}\ndescription: >-\n  {title} is made up.\n"
        if self.urls:
            text += "github:\n" + "".join(f"  - url: {url}\n" for url in self.urls)
        return text + self.extra


def ordinary_project(cast: Cast, number: int, project_count: int) -> Project:
    """Return a project with one to three repositories, the most active ones spread over all projects."""
    chosen = [number + turn * project_count for turn in range(1 + (number % 2 == 0) + (number % 3 == 0))]
    urls = [_url(cast.names[index], index) for index in chosen if index < cast.extra_repositories]
    slug = f"{cast.names[number].split('/')[1].lower()}-{number}"
    return Project(slug, tuple(urls), _packages(slug, number))


def _url(name: str, variant: int) -> str:
    """Return a repository's URL the way people write it."""
    endings = {3: "/", 5: ".git", 8: "/tree/main", 12: "/blob/main/README.md"}
    name = name.upper() if variant % 13 == 6 else name
    return f"https://github.com/{name}{endings.get(variant % 16, '')}"


def _packages(slug: str, number: int) -> str:
    """Entries of other kinds."""
    lines = f"npm:\n  - url: https://www.npmjs.com/package/@{slug}/core\n" if number % 4 == 0 else ""
    lines += f"pypi:\n  - url: https://pypi.org/project/{slug}\n" if number % 5 == 0 else ""
    lines += f"crates:\n  - url: https://crates.io/crates/{slug}\n" if number % 6 == 0 else ""
    if number % 3 == 0:
        lines += f'blockchain:\n  - address: "0x{number + 4096:040x}"\n    networks:\n      - optimism\n    tags:\n'
        lines += "      - contract\n"
    return lines


ROLE_COUNT = 9
"""How many of the scripted projects stand in the newest state."""

_ODD = """npm:
  - url: https://www.npmjs.com/package/odd-entries
  - url: https://www.npmjs.com/package/@odd/entries
crates:
  - url: https://www.npmjs.com/package/not-a-crate
blockchain:
  - address: "0x00000000000000000000000000000000000 0abcd"
    networks:
      - any_evm
    tags:
      - eoa
  - address: "0x1234"
    networks:
      - mainnet
    tags:
      - wallet
      - safe
"""


def scripted_projects(cast: Cast) -> dict[str, Project]:
    """Return the projects with a role, by slug: what they list tests how entries lead to artifacts."""
    hub = "https://github.com/"
    kiln = (f"{hub}heron-dev/kiln/tree/main",)
    projects = (
        Project("tulip", (f"{hub}TULIP/Bulb/", f"{hub}tulip/bulb.git", f"{hub}{cast.names[1]}")),
        Project("kiln-works-old", kiln),
        Project("kiln-works", kiln),
        Project("quarry", (f"{hub}quarry/stone", f"{hub}Fern/Legacy/blob/master/README")),
        Project("quarry-today", (f"{hub}quarry/stone.git",)),
        Project("phoenix", (f"{hub}delta/merge",)),
        Project("commons", (f"{hub}moss/quiet", f"{hub}DELTA/merge", f"{hub}never/seen", f"{hub}harbor/before")),
        Project("owner-of-all", (hub + shared_owner(cast), f"{hub}orgs/lark-spurred/repositories")),
        Project("second-home", (f"{hub}{cast.names[0]}", f"{hub}quarry/stone-archive")),
        Project("odd-entries", (f"{hub}{cast.names[4]}",), _ODD),
        Project("larkspur-nest", (f"{hub}larkspur/nest/",)),
    )
    return {project.slug: project for project in projects}


def shared_owner(cast: Cast) -> str:
    """Return the organisation among the busier repositories' owners that has the most repositories."""
    owners = [cast.names[index].split("/")[0] for index in range(cast.extra_repositories) if cast.owners[index] < 0]
    return max(dict.fromkeys(owners[:40]), key=lambda owner: sum(other == owner for other in owners[:4000]))
