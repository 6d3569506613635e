MODEL (
  name intermediate.int_push_commits,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (restates = 'record_date IN (SELECT record_date FROM control.changed_days)', month_of = 'record_date')
  ),
  partitioned_by MONTH(record_date),
  columns (
    record_date DATE, repository_kind TEXT, repository_key TEXT, sha TEXT, pushed_at TIMESTAMPTZ, record_id TEXT,
    actor_artifact_kind TEXT, actor_key TEXT, actor_kind TEXT
  ),
  grain (record_date, repository_kind, repository_key, sha),
  description 'Commits that pushes to a default branch list: per day the first sighting of each commit in each repository.',
  column_descriptions (
    record_date = 'UTC day of the push',
    repository_kind = 'repository, or repository_name for records before 2015',
    repository_key = 'number or lower-case name of the repository',
    sha = 'object id of the commit',
    pushed_at = 'time of the push',
    record_id = 'id of the record',
    actor_artifact_kind = 'account or account_name',
    actor_key = 'number or login of the pusher',
    actor_kind = 'human, bot or unknown, by the login in the record'
  )
);

WITH pushes AS (
  SELECT
    created_date, repository_kind, repository_key, created_at, record_id, actor_artifact_kind, actor_key, actor_login, commit_shas
  FROM staging.stg_gharchive__events
  WHERE
    created_date IN (SELECT record_date FROM control.changed_days)
    AND record_type = 'PushEvent'
    AND ref IN ('refs/heads/main', 'refs/heads/master')
    AND NOT repository_key IS NULL
), listed AS (
  SELECT
    p.*,
    c.sha,
    ROW_NUMBER() OVER (
      PARTITION BY p.created_date, p.repository_kind, p.repository_key, c.sha ORDER BY p.created_at, p.record_id
    ) AS position
  FROM pushes AS p
  CROSS JOIN UNNEST(p.commit_shas) AS c(sha)
  WHERE NOT c.sha IS NULL
)
SELECT
  created_date AS record_date,
  repository_kind,
  repository_key,
  sha,
  created_at AS pushed_at,
  record_id,
  actor_artifact_kind,
  actor_key,
  @actor_kind(actor_login) AS actor_kind
FROM listed
WHERE position = 1
