MODEL (
  name intermediate.int_sightings,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (restates = 'record_date IN (SELECT record_date FROM control.changed_days)', month_of = 'record_date')
  ),
  partitioned_by MONTH(record_date),
  columns (record_date DATE, artifact_kind TEXT, artifact_number BIGINT, artifact_name TEXT, first_seen_at TIMESTAMPTZ, last_seen_at TIMESTAMPTZ),
  grain (record_date, artifact_kind, artifact_number, artifact_name),
  description 'On which days which repository or account was seen under which name. Without a number: seen by name alone, as in records before 2015.',
  column_descriptions (
    record_date = 'UTC day of the records',
    artifact_kind = 'repository, account, repository_name or account_name',
    artifact_number = 'number at GitHub; null for the two kinds that are keyed by name',
    artifact_name = 'owner/name or login, lower-case',
    first_seen_at = 'first record of the day',
    last_seen_at = 'last record of the day'
  )
);

WITH changed AS (
  SELECT *
  FROM staging.stg_gharchive__events
  WHERE created_date IN (SELECT record_date FROM control.changed_days)
), sighted AS (
  SELECT created_date, repository_kind AS artifact_kind, repository_id AS artifact_number, repository_name AS artifact_name, created_at FROM changed
  UNION ALL
  SELECT created_date, actor_artifact_kind, actor_id, actor_login, created_at FROM changed
  UNION ALL
  SELECT created_date, opened_by_kind, opened_by_id, opened_by_login, created_at FROM changed
)
SELECT
  created_date AS record_date,
  artifact_kind,
  artifact_number,
  artifact_name,
  MIN(created_at) AS first_seen_at,
  MAX(created_at) AS last_seen_at
FROM sighted
WHERE NOT artifact_name IS NULL
GROUP BY 1, 2, 3, 4
