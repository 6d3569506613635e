MODEL (
  name intermediate.int_pull_requests,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (restates = 'record_date IN (SELECT record_date FROM control.changed_days)', month_of = 'record_date')
  ),
  partitioned_by MONTH(record_date),
  columns (
    record_date DATE, repository_kind TEXT, repository_key TEXT, number BIGINT, action TEXT, created_at TIMESTAMPTZ, record_id TEXT,
    actor_artifact_kind TEXT, actor_key TEXT, actor_kind TEXT
  ),
  grain (record_date, repository_kind, repository_key, number, action, created_at, record_id),
  description 'Openings of pull requests, and their merges in the form since October 2025, which does not name the author.',
  column_descriptions (
    record_date = 'UTC day of the record',
    repository_kind = 'repository, or repository_name for records before 2015',
    repository_key = 'number or lower-case name of the repository',
    number = 'number of the pull request',
    action = 'opened or merged',
    created_at = 'time of the record',
    record_id = 'id of the record',
    actor_artifact_kind = 'account or account_name',
    actor_key = 'number or login of the record''s actor',
    actor_kind = 'human, bot or unknown, by the login in the record'
  )
);

SELECT DISTINCT
  created_date AS record_date,
  repository_kind,
  repository_key,
  number,
  action,
  created_at,
  record_id,
  actor_artifact_kind,
  actor_key,
  @actor_kind(actor_login) AS actor_kind
FROM staging.stg_gharchive__events
WHERE
  created_date IN (SELECT record_date FROM control.changed_days)
  AND record_type = 'PullRequestEvent'
  AND action IN ('opened', 'merged')
  AND NOT repository_key IS NULL
