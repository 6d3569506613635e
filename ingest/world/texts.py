r"""What people write: commit messages, comments and addresses, as JSON string contents (already escaped).

Some texts hold e-mail addresses in clear, in forms that a reader has to find in the raw line: plain, in angle brackets
as `\u003c`, after an escaped line break, next to markdown. Their local parts occur nowhere else in a world.
"""

from hashlib import sha1
from typing import Final

PLANTED_LOCALS: Final = (
    "zoe.quillfeather",
    "mbarrow-planted+lists",
    "q_underwood77",
    "Hildegard.Vantongeren",
    "ops%nightjar",
    "thistlewood2024",
    "oddly-specific.local_part",
    "xanthe.o",
)
"""Local parts of the addresses that texts of hour files hold in clear."""

_DOMAINS = ("example.org", "mail.example.com", "Example.NET", "uni-example.ac.uk")
PLANTED_ADDRESSES: Final = tuple(f"{local}@{_DOMAINS[at % len(_DOMAINS)]}" for at, local in enumerate(PLANTED_LOCALS))

_A = PLANTED_ADDRESSES
MESSAGES: Final = (
    "Fix typo",
    "Update README.md",
    "bump version to 1.4.2",
    "Merge branch 'main' of github.com:heron/core",
    "Merge pull request #12 from otter/fix-cache\\n\\nFix the cache",
    "feat(api): add pagination to the list endpoint\\n\\nCloses #88",
    "refactor: split the parser",
    "test: cover the empty input",
    "Größere Änderungen am Build \u2013 siehe unten",
    "修复登录问题",
    "chore: 🎉 release",
    'Revert \\"Use the new scheduler\\"\\n\\nThis reverts commit 1d953820c44500758461c8c30c8380602d46aff1.',
    f"Add retries\\n\\nSigned-off-by: Zoe Q \\u003c{_A[0]}\\u003e",
    f"docs: contact {_A[1]} for access\\n\\nCo-authored-by: U <{_A[2]}>",
    f"ci: notify\\n{_A[5]}",
    "wip",
    "Tidy up\u2028second line",
    "deps: bump lodash from 4.17.20 to 4.17.21\\n\\nBumps lodash from 4.17.20 to 4.17.21.",
)
COMMENTS: Final = (
    "LGTM",
    "Thanks for the report! Could you add the output of `--version`?",
    "I can reproduce this on Linux, not on macOS.\\r\\n\\r\\n```\\r\\nTraceback (most recent call last):\\r\\n```",
    "> quoted\\n\\nI don't think that this is what we want, since the cache is keyed by path and not by content.",
    "Duplicate of #17",
    f"Please write to {_A[3]} about this.",
    f"[mail me](mailto:{_A[4]}), or clone git@github.com:quarry/stone.git",
    f"My address is\\n{_A[6]}; the one of my colleague is {_A[7]}.",
    "Needs a rebase \\ud83d\\ude4f",
    "这个问题在最新版本中仍然存在",
    "@heron could you have a look? https://example.org/a?b=c\\u0026d=e",
)
TITLES: Final = (
    "Crash on empty input",
    "Add support for Python 3.13",
    "docs: clarify installation",
    "Speed up the parser by 30%",
    "Bump actions/checkout from 3 to 4",
    'Question about \\"strict\\" mode',
    "Fehler beim Öffnen",
)
PEOPLE: Final = ("Mary Barrow", "Christian Höltje", "李雷", "O'Neil", 'J. \\"Jay\\" Doe', "Anna Kowalska", "bot")
BRANCHES: Final = ("main", "main", "main", "main", "main", "master", "feature/cache", "dev", "gh-pages", "main-next")
LANGUAGES: Final = ("Python", "Rust", "TypeScript", "Go", "Solidity", "C")


def _hexed(number: int) -> str:
    return sha1(f"person{number}".encode(), usedforsecurity=False).hexdigest()


HASHED_ADDRESSES: Final = tuple(
    f"{_hexed(number)}@{('gmail.com', 'users.noreply.github.com', 'qq.com')[number % 3]}" for number in range(2048)
)
"""Addresses whose local part is a SHA-1 already, as GH Archive publishes them."""
