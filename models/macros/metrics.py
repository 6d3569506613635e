"""Every metric, once. Adding a metric is adding an entry here.

A measure's `shape` says how it is computed, for calendar windows, rolling windows and all time alike:

- `sum`: the amounts of events of the types in `events`;
- `people`: distinct actors with an event of the types in `events` (`commits`: COMMIT_CODE; `contributions`: the four types of a contributor);
- `first`: people whose first contribution to the entity falls in the window;
- `active_days`: distinct (person, day) pairs;
- `share`: people with commits on at least a third of the window's days (`at_least`) or on fewer (`fewer`);
- `targets`: distinct artifacts with an event of the types in `events`.
"""

CONTRIBUTIONS = ("COMMIT_CODE", "ISSUE_OPENED", "PULL_REQUEST_OPENED", "PULL_REQUEST_MERGED")

MEASURES = (
    {
        "name": "stars",
        "shape": "sum",
        "events": ("STARRED",),
        "unit": "stars",
        "title": "Stars",
        "text": "stars given (gross additions; there is no un-star event)",
    },
    {"name": "forks", "shape": "sum", "events": ("FORKED",), "unit": "forks", "title": "Forks", "text": "forks made"},
    {
        "name": "releases",
        "shape": "sum",
        "events": ("RELEASE_PUBLISHED",),
        "unit": "releases",
        "title": "Releases",
        "text": "releases published",
    },
    {
        "name": "commits",
        "shape": "sum",
        "events": ("COMMIT_CODE",),
        "unit": "commits",
        "title": "Commits",
        "text": "distinct commits on the default branch",
    },
    {
        "name": "issues_opened",
        "shape": "sum",
        "events": ("ISSUE_OPENED",),
        "unit": "issues",
        "title": "Issues opened",
        "text": "issues opened",
    },
    {
        "name": "issues_closed",
        "shape": "sum",
        "events": ("ISSUE_CLOSED",),
        "unit": "issues",
        "title": "Issues closed",
        "text": "issues closed",
    },
    {
        "name": "pull_requests_opened",
        "shape": "sum",
        "events": ("PULL_REQUEST_OPENED",),
        "unit": "pull requests",
        "title": "Pull requests opened",
        "text": "pull requests opened",
    },
    {
        "name": "pull_requests_merged",
        "shape": "sum",
        "events": ("PULL_REQUEST_MERGED",),
        "unit": "pull requests",
        "title": "Pull requests merged",
        "text": "pull requests merged",
    },
    {
        "name": "comments",
        "shape": "sum",
        "events": ("ISSUE_COMMENT", "COMMIT_COMMENT", "PULL_REQUEST_REVIEW_COMMENT"),
        "unit": "comments",
        "title": "Comments",
        "text": "comments on issues, commits and reviews",
    },
    {
        "name": "reviews",
        "shape": "sum",
        "events": ("PULL_REQUEST_REVIEW",),
        "unit": "reviews",
        "title": "Reviews",
        "text": "pull request reviews",
    },
    {
        "name": "repositories",
        "shape": "targets",
        "events": (
            "COMMIT_CODE",
            "ISSUE_OPENED",
            "ISSUE_CLOSED",
            "ISSUE_REOPENED",
            "ISSUE_COMMENT",
            "PULL_REQUEST_OPENED",
            "PULL_REQUEST_CLOSED",
            "PULL_REQUEST_REOPENED",
            "PULL_REQUEST_MERGED",
            "PULL_REQUEST_REVIEW",
            "PULL_REQUEST_REVIEW_COMMENT",
        ),
        "unit": "repositories",
        "title": "Repositories",
        "text": "repositories with commits, issues or pull requests",
    },
    {
        "name": "active_developers",
        "shape": "people",
        "events": "commits",
        "unit": "people",
        "title": "Active developers",
        "text": "people with a commit",
    },
    {
        "name": "contributors",
        "shape": "people",
        "events": "contributions",
        "unit": "people",
        "title": "Contributors",
        "text": "people who committed, opened an issue, or opened or merged a pull request",
    },
    {
        "name": "new_contributors",
        "shape": "first",
        "events": "contributions",
        "unit": "people",
        "title": "New contributors",
        "text": "contributors whose first contribution falls in the window",
    },
    {
        "name": "developer_active_days",
        "shape": "active_days",
        "events": "commits",
        "unit": "days",
        "title": "Developer active days",
        "text": "days with a commit, summed over people",
    },
    {
        "name": "contributor_active_days",
        "shape": "active_days",
        "events": "contributions",
        "unit": "days",
        "title": "Contributor active days",
        "text": "days with a contribution, summed over people",
    },
    {
        "name": "full_time_developers",
        "shape": "share",
        "events": "at_least",
        "unit": "people",
        "title": "Full-time developers",
        "text": "people with commits on at least a third of the window's days",
    },
    {
        "name": "part_time_developers",
        "shape": "share",
        "events": "fewer",
        "unit": "people",
        "title": "Part-time developers",
        "text": "people with commits on fewer than a third of the window's days",
    },
)

CALENDAR_WINDOWS = (("daily", "day"), ("weekly", "week"), ("monthly", "month"), ("quarterly", "quarter"), ("yearly", "year"))
ROLLING_WINDOWS = (("rolling_7_days", 7), ("rolling_30_days", 30), ("rolling_90_days", 90), ("rolling_180_days", 180))
ALL_TIME = "over_all_time"
SHARE_WINDOWS = ("monthly", "quarterly", "yearly", "rolling_30_days", "rolling_90_days", "rolling_180_days")
