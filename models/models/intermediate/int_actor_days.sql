MODEL (
  name intermediate.int_actor_days,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      restates = '(event_date, artifact_id) IN (SELECT day, artifact_id FROM intermediate.int_touched)',
      touches = 'INSERT INTO control.touched_actor_days SELECT event_date, event_source, artifact_id, actor_id, actor_kind, is_commit, @sign FROM @this WHERE @restates',
      days_of = 'event_date',
      days = 'SELECT DISTINCT day FROM intermediate.int_touched',
      month_of = 'event_date'
    )
  ),
  partitioned_by MONTH(event_date),
  physical_properties (sorted_by = ARRAY['artifact_id', 'event_date']),
  columns (event_date DATE, event_source TEXT, artifact_id TEXT, actor_id TEXT, actor_kind TEXT, is_commit BOOLEAN),
  grain (event_date, event_source, artifact_id, actor_id, actor_kind),
  description 'Days on which an actor contributed to an artifact (committed, opened an issue, opened or merged a pull request).',
  column_descriptions (
    event_date = 'UTC day',
    event_source = 'the forge or network',
    artifact_id = 'canonical artifact',
    actor_id = 'canonical actor',
    actor_kind = 'human, bot or unknown',
    is_commit = 'whether a commit is among the contributions'
  )
);

SELECT
  bucket_date AS event_date,
  event_source,
  to_artifact_id AS artifact_id,
  from_artifact_id AS actor_id,
  actor_kind,
  BOOL_OR(event_type = 'COMMIT_CODE') AS is_commit
FROM marts.events_daily_v1
WHERE
  @restated((bucket_date, to_artifact_id) IN (SELECT day, artifact_id FROM intermediate.int_touched), bucket_date, 'SELECT DISTINCT day FROM intermediate.int_touched')
  AND NOT from_artifact_id IS NULL
  AND event_type IN ('COMMIT_CODE', 'ISSUE_OPENED', 'PULL_REQUEST_OPENED', 'PULL_REQUEST_MERGED')
GROUP BY 1, 2, 3, 4, 5
