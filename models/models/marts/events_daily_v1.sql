MODEL (
  name marts.events_daily_v1,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      restates = '(bucket_date, to_artifact_id) IN (SELECT day, artifact_id FROM intermediate.int_touched)',
      days_of = 'bucket_date',
      days = 'SELECT DISTINCT day FROM intermediate.int_touched',
      month_of = 'bucket_date'
    )
  ),
  partitioned_by MONTH(bucket_date),
  physical_properties (sorted_by = ARRAY['to_artifact_id', 'bucket_date']),
  columns (
    bucket_date DATE, event_type TEXT, event_source TEXT, to_artifact_id TEXT, from_artifact_id TEXT, actor_kind TEXT,
    amount DOUBLE, event_count BIGINT
  ),
  grain (bucket_date, event_type, event_source, to_artifact_id, from_artifact_id, actor_kind),
  description 'Events of a day, summed by type, source, artifact and actor.',
  column_descriptions (
    bucket_date = 'UTC day of the events',
    event_type = 'as in events_v1',
    event_source = 'as in events_v1',
    to_artifact_id = 'what they happened to',
    from_artifact_id = 'who did them; null where that is unknown',
    actor_kind = 'human, bot or unknown',
    amount = 'sum of the amounts',
    event_count = 'how many events'
  )
);

SELECT
  CAST(time AS DATE) AS bucket_date,
  event_type,
  event_source,
  to_artifact_id,
  from_artifact_id,
  actor_kind,
  CAST(SUM(CAST(amount AS DECIMAL(38, 9))) AS DOUBLE) AS amount,
  COUNT(*) AS event_count
FROM marts.events_v1
WHERE @restated((CAST(time AS DATE), to_artifact_id) IN (SELECT day, artifact_id FROM intermediate.int_touched), time, 'SELECT DISTINCT day FROM intermediate.int_touched')
GROUP BY 1, 2, 3, 4, 5, 6
