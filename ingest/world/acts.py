"""The acts that a record can be: GH Archive's event types split by action, and how often each occurs in each era."""

from enum import IntEnum


class Era(IntEnum):
    """The form of an hour's records."""

    OLD = 0
    NEW = 1
    LATEST = 2


class Act(IntEnum):
    """One kind of record."""

    PUSH = 0
    CREATE = 1
    DELETE = 2
    WATCH = 3
    FORK = 4
    ISSUE_OPENED = 5
    ISSUE_CLOSED = 6
    ISSUE_REOPENED = 7
    ISSUE_COMMENT = 8
    COMMIT_COMMENT = 9
    PR_OPENED = 10
    PR_CLOSED = 11
    PR_MERGED = 12
    PR_REOPENED = 13
    REVIEW = 14
    REVIEW_COMMENT = 15
    RELEASE = 16
    GOLLUM = 17
    MEMBER = 18
    PUBLIC = 19
    ISSUE_LABELED = 20
    PR_LABELED = 21
    DISCUSSION = 22
    FOLLOW = 23
    GIST = 24
    DOWNLOAD = 25


TYPE_NAMES: dict[Act, str] = {
    Act.PUSH: "PushEvent",
    Act.CREATE: "CreateEvent",
    Act.DELETE: "DeleteEvent",
    Act.WATCH: "WatchEvent",
    Act.FORK: "ForkEvent",
    Act.ISSUE_OPENED: "IssuesEvent",
    Act.ISSUE_CLOSED: "IssuesEvent",
    Act.ISSUE_REOPENED: "IssuesEvent",
    Act.ISSUE_LABELED: "IssuesEvent",
    Act.ISSUE_COMMENT: "IssueCommentEvent",
    Act.COMMIT_COMMENT: "CommitCommentEvent",
    Act.PR_OPENED: "PullRequestEvent",
    Act.PR_CLOSED: "PullRequestEvent",
    Act.PR_MERGED: "PullRequestEvent",
    Act.PR_REOPENED: "PullRequestEvent",
    Act.PR_LABELED: "PullRequestEvent",
    Act.REVIEW: "PullRequestReviewEvent",
    Act.REVIEW_COMMENT: "PullRequestReviewCommentEvent",
    Act.RELEASE: "ReleaseEvent",
    Act.GOLLUM: "GollumEvent",
    Act.MEMBER: "MemberEvent",
    Act.PUBLIC: "PublicEvent",
    Act.DISCUSSION: "DiscussionEvent",
    Act.FOLLOW: "FollowEvent",
    Act.GIST: "GistEvent",
    Act.DOWNLOAD: "DownloadEvent",
}

_COMMON: dict[Act, float] = {
    Act.PUSH: 50.0,
    Act.CREATE: 10.0,
    Act.DELETE: 2.0,
    Act.WATCH: 10.0,
    Act.FORK: 2.4,
    Act.ISSUE_OPENED: 3.2,
    Act.ISSUE_CLOSED: 2.2,
    Act.ISSUE_REOPENED: 0.2,
    Act.ISSUE_COMMENT: 8.0,
    Act.COMMIT_COMMENT: 0.5,
    Act.PR_OPENED: 3.4,
    Act.PR_CLOSED: 0.9,
    Act.PR_MERGED: 2.2,
    Act.PR_REOPENED: 0.15,
    Act.REVIEW_COMMENT: 1.2,
    Act.RELEASE: 0.6,
    Act.GOLLUM: 0.5,
    Act.MEMBER: 0.3,
    Act.PUBLIC: 0.1,
}
_OLD_ONLY: dict[Act, float] = {Act.FOLLOW: 1.6, Act.GIST: 1.6, Act.DOWNLOAD: 0.2}
_NEW_ONLY: dict[Act, float] = {Act.REVIEW: 2.4, Act.ISSUE_LABELED: 0.15, Act.PR_LABELED: 0.2}
_LATEST_ONLY: dict[Act, float] = {Act.DISCUSSION: 0.2}

WEIGHTS: dict[Era, dict[Act, float]] = {
    Era.OLD: _COMMON | _OLD_ONLY,
    Era.NEW: _COMMON | _NEW_ONLY,
    Era.LATEST: _COMMON | _NEW_ONLY | _LATEST_ONLY,
}
"""How often each act occurs in an era's hours, relative to the others."""
