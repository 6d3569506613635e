MODEL (
  name marts.events_v1,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      begins = 'INSERT INTO control.restated_cells SELECT record_date, to_artifact_id FROM intermediate.int_restated_events WHERE NOT record_date IS NULL;INSERT INTO control.restated_cells SELECT DISTINCT record_date, to_artifact_id FROM @this WHERE from_artifact_id IN (SELECT from_artifact_id FROM intermediate.int_restated_events)',
      restates = 'record_date IN (SELECT record_date FROM control.changed_days) OR (record_date, to_artifact_id) IN (SELECT record_date, artifact_id FROM control.restated_cells)',
      touches = 'INSERT INTO control.touched_events SELECT CAST(time AS DATE), to_artifact_id, from_artifact_id, event_type, actor_kind, SUM(amount), COUNT(*), @sign FROM @this WHERE @restates GROUP BY 1, 2, 3, 4, 5',
      days_of = 'record_date',
      days = 'SELECT record_date FROM control.changed_days UNION SELECT record_date FROM control.restated_cells',
      month_of = 'time',
      staged = 'aliases'
    )
  ),
  depends_on (intermediate.int_restated_events),
  partitioned_by MONTH(time),
  physical_properties (sorted_by = ARRAY['to_artifact_id', 'time']),
  columns (
    time TIMESTAMPTZ, event_type TEXT, event_source TEXT, event_source_id TEXT, to_artifact_id TEXT, from_artifact_id TEXT,
    actor_kind TEXT, amount DOUBLE, record_date DATE
  ),
  grain (event_source, event_type, to_artifact_id, event_source_id),
  audits (unique_events, not_null_events),
  description 'Something that happened, from an actor to an artifact. Ids are canonical: renames and former names lead to one artifact.',
  column_descriptions (
    time = 'when it happened (UTC)',
    event_type = 'COMMIT_CODE, ISSUE_OPENED, STARRED, ...',
    event_source = 'the forge or network: GITHUB whichever way the record came',
    event_source_id = 'the source''s own id: sha of a commit, id of a record',
    to_artifact_id = 'what it happened to',
    from_artifact_id = 'who did it; null where that is unknown',
    actor_kind = 'human, bot or unknown, by the login in the record',
    amount = 'how much; 1 for countable events',
    record_date = 'UTC day of the record that the event comes from; differs from the day of time for merges and releases'
  )
);

WITH aliases AS (
  SELECT artifact_kind, artifact_key, canonical_kind, canonical_key
  FROM intermediate.int_artifacts
  WHERE artifact_kind <> canonical_kind OR artifact_key <> canonical_key
), cells AS (
  SELECT DISTINCT c.record_date, a.artifact_source AS to_source, a.artifact_kind AS to_kind, a.artifact_key AS to_key
  FROM control.restated_cells AS c
  INNER JOIN intermediate.int_artifacts AS a ON a.artifact_id = c.artifact_id
  WHERE NOT c.record_date IN (SELECT record_date FROM control.changed_days)
), keys_of_cells AS (
  SELECT DISTINCT c.record_date, a.artifact_kind, a.artifact_key
  FROM cells AS c
  INNER JOIN intermediate.int_artifacts AS a
    ON a.artifact_source = c.to_source AND a.canonical_kind = c.to_kind AND a.canonical_key = c.to_key
), chosen AS (
  SELECT *
  FROM staging.stg_gharchive__events
  WHERE created_date IN (SELECT record_date FROM control.changed_days)
  UNION ALL
  SELECT e.*
  FROM staging.stg_gharchive__events AS e
  INNER JOIN keys_of_cells AS c ON c.record_date = e.created_date AND c.artifact_kind = e.repository_kind AND c.artifact_key = e.repository_key
), records AS (
  SELECT e.*, COALESCE(r.canonical_kind, e.repository_kind) AS to_kind, COALESCE(r.canonical_key, e.repository_key) AS to_key
  FROM chosen AS e
  LEFT JOIN aliases AS r ON r.artifact_kind = e.repository_kind AND r.artifact_key = e.repository_key
  WHERE
    NOT e.repository_key IS NULL
    AND e.record_type IN (
      'IssuesEvent', 'PullRequestEvent', 'PullRequestReviewEvent', 'PullRequestReviewCommentEvent', 'IssueCommentEvent',
      'CommitCommentEvent', 'ReleaseEvent', 'WatchEvent', 'ForkEvent'
    )
), openings AS (
  SELECT to_kind, to_key, number, actor_artifact_kind, actor_key, actor_kind
  FROM (
    SELECT
      COALESCE(r.canonical_kind, p.repository_kind) AS to_kind, COALESCE(r.canonical_key, p.repository_key) AS to_key,
      p.number, p.actor_artifact_kind, p.actor_key, p.actor_kind,
      ROW_NUMBER() OVER (
        PARTITION BY COALESCE(r.canonical_kind, p.repository_kind), COALESCE(r.canonical_key, p.repository_key), p.number
        ORDER BY p.created_at, p.record_id
      ) AS position
    FROM intermediate.int_pull_requests AS p
    LEFT JOIN aliases AS r ON r.artifact_kind = p.repository_kind AND r.artifact_key = p.repository_key
    WHERE p.action = 'opened' AND p.number IN (SELECT number FROM records WHERE record_type = 'PullRequestEvent' AND action = 'merged')
  ) AS ranked
  WHERE position = 1
), typed AS (
  SELECT
    created_date, created_at, record_id, to_kind, to_key, actor_artifact_kind, actor_key,
    @actor_kind(actor_login) AS actor_kind,
    CASE record_type
      WHEN 'IssuesEvent' THEN CASE action WHEN 'opened' THEN 'ISSUE_OPENED' WHEN 'closed' THEN 'ISSUE_CLOSED' WHEN 'reopened' THEN 'ISSUE_REOPENED' END
      WHEN 'PullRequestEvent' THEN CASE action
        WHEN 'opened' THEN 'PULL_REQUEST_OPENED'
        WHEN 'closed' THEN 'PULL_REQUEST_CLOSED'
        WHEN 'merged' THEN 'PULL_REQUEST_CLOSED'
        WHEN 'reopened' THEN 'PULL_REQUEST_REOPENED' END
      WHEN 'PullRequestReviewEvent' THEN 'PULL_REQUEST_REVIEW'
      WHEN 'PullRequestReviewCommentEvent' THEN 'PULL_REQUEST_REVIEW_COMMENT'
      WHEN 'IssueCommentEvent' THEN 'ISSUE_COMMENT'
      WHEN 'CommitCommentEvent' THEN 'COMMIT_COMMENT'
      WHEN 'ReleaseEvent' THEN CASE action WHEN 'published' THEN 'RELEASE_PUBLISHED' END
      WHEN 'WatchEvent' THEN CASE action WHEN 'started' THEN 'STARRED' END
      WHEN 'ForkEvent' THEN 'FORKED'
    END AS event_type,
    CASE WHEN record_type = 'ReleaseEvent' THEN COALESCE(published_at, created_at) ELSE created_at END AS time,
    CASE
      WHEN record_type = 'PullRequestEvent' AND action = 'merged' AND NOT number IS NULL
      THEN CAST(number AS VARCHAR) || '@' || @utc_text(created_at)
      ELSE record_id
    END AS event_source_id
  FROM records
  UNION ALL
  SELECT
    e.created_date, e.created_at, e.record_id, e.to_kind, e.to_key,
    CASE WHEN e.action = 'closed' THEN e.opened_by_kind ELSE o.actor_artifact_kind END,
    CASE WHEN e.action = 'closed' THEN e.opened_by_key ELSE o.actor_key END,
    CASE WHEN e.action = 'closed' THEN @actor_kind(e.opened_by_login) ELSE COALESCE(o.actor_kind, 'unknown') END,
    'PULL_REQUEST_MERGED',
    CASE WHEN e.action = 'closed' THEN COALESCE(e.merged_at, e.created_at) ELSE e.created_at END,
    CASE WHEN e.action = 'closed' OR e.number IS NULL THEN e.record_id ELSE CAST(e.number AS VARCHAR) || '@' || @utc_text(e.created_at) END
  FROM records AS e
  LEFT JOIN openings AS o
    ON e.action = 'merged' AND o.to_kind = e.to_kind AND o.to_key = e.to_key AND o.number = e.number
  WHERE e.record_type = 'PullRequestEvent' AND (e.action = 'merged' OR (e.action = 'closed' AND e.is_merged))
), from_records AS (
  SELECT *
  FROM (
    SELECT
      *,
      ROW_NUMBER() OVER (
        PARTITION BY created_date, event_type, to_kind, to_key, event_source_id
        ORDER BY created_at, record_id, time, actor_key, actor_kind
      ) AS position
    FROM typed
    WHERE NOT event_type IS NULL
  ) AS ranked
  WHERE position = 1
), restated_shas AS (
  SELECT sha FROM intermediate.int_push_commits WHERE record_date IN (SELECT record_date FROM control.changed_days)
  UNION
  SELECT p.sha
  FROM intermediate.int_push_commits AS p
  INNER JOIN keys_of_cells AS c ON c.record_date = p.record_date AND c.artifact_kind = p.repository_kind AND c.artifact_key = p.repository_key
), sightings AS (
  SELECT
    p.record_date, p.sha, p.pushed_at, p.record_id, p.actor_artifact_kind, p.actor_key, p.actor_kind,
    COALESCE(r.canonical_kind, p.repository_kind) AS to_kind, COALESCE(r.canonical_key, p.repository_key) AS to_key
  FROM intermediate.int_push_commits AS p
  LEFT JOIN aliases AS r ON r.artifact_kind = p.repository_kind AND r.artifact_key = p.repository_key
  WHERE (SELECT is_full FROM control.run) OR p.sha IN (SELECT sha FROM restated_shas)
), from_pushes AS (
  SELECT *
  FROM (
    SELECT
      s.*, ROW_NUMBER() OVER (PARTITION BY s.to_kind, s.to_key, s.sha ORDER BY s.pushed_at, s.record_id) AS position
    FROM sightings AS s
    LEFT JOIN intermediate.int_git_repositories AS g
      ON g.event_source = 'GITHUB' AND g.canonical_kind = s.to_kind AND g.canonical_key = s.to_key
    WHERE g.repository_url IS NULL
  ) AS ranked
  WHERE position = 1 AND (
    record_date IN (SELECT record_date FROM control.changed_days)
    OR (record_date, to_kind, to_key) IN (SELECT record_date, to_kind, to_key FROM cells WHERE to_source = 'GITHUB')
  )
), from_git AS (
  SELECT *
  FROM (
    SELECT
      c.committed_date, c.committed_at, c.sha, c.author_source, c.author_kind, c.author_artifact_key, c.author_login,
      g.event_source, g.canonical_kind, g.canonical_key,
      ROW_NUMBER() OVER (
        PARTITION BY g.event_source, g.canonical_kind, g.canonical_key, c.sha ORDER BY c.committed_at, c.repository_url
      ) AS position
    FROM staging.stg_git__commits AS c
    INNER JOIN intermediate.int_git_repositories AS g ON g.repository_url = c.repository_url
    WHERE
      c.committed_date IN (SELECT record_date FROM control.changed_days)
      OR (c.committed_date, g.event_source, g.canonical_kind, g.canonical_key)
        IN (SELECT record_date, to_source, to_kind, to_key FROM cells)
  ) AS ranked
  WHERE position = 1
), keyed AS (
  SELECT
    time, event_type, 'GITHUB' AS event_source, event_source_id, to_kind, to_key,
    'GITHUB' AS from_source, actor_artifact_kind AS from_kind, actor_key AS from_key, actor_kind, created_date AS record_date
  FROM from_records
  UNION ALL
  SELECT
    pushed_at, 'COMMIT_CODE', 'GITHUB', sha, to_kind, to_key, 'GITHUB', actor_artifact_kind, actor_key, actor_kind, record_date
  FROM from_pushes
  UNION ALL
  SELECT
    committed_at, 'COMMIT_CODE', event_source, sha, canonical_kind, canonical_key,
    author_source, author_kind, author_artifact_key, @actor_kind(author_login), committed_date
  FROM from_git
)
SELECT
  k.time,
  k.event_type,
  k.event_source,
  k.event_source_id,
  @entity_id(k.event_source, k.to_kind, k.to_key) AS to_artifact_id,
  @entity_id(k.from_source, COALESCE(a.canonical_kind, k.from_kind), COALESCE(a.canonical_key, k.from_key)) AS from_artifact_id,
  k.actor_kind,
  CAST(1 AS DOUBLE) AS amount,
  k.record_date
FROM keyed AS k
LEFT JOIN aliases AS a ON a.artifact_kind = k.from_kind AND a.artifact_key = k.from_key
