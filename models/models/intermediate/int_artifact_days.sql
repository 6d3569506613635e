MODEL (
  name intermediate.int_artifact_days,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      restates = '(event_date, artifact_id) IN (SELECT day, artifact_id FROM intermediate.int_touched)',
      touches = 'INSERT INTO control.touched_artifact_days SELECT event_date, event_source, artifact_id, event_type, actor_kind, amount, @sign FROM @this WHERE @restates',
      days_of = 'event_date',
      days = 'SELECT DISTINCT day FROM intermediate.int_touched',
      month_of = 'event_date'
    )
  ),
  partitioned_by MONTH(event_date),
  physical_properties (sorted_by = ARRAY['artifact_id', 'event_date']),
  columns (event_date DATE, event_source TEXT, artifact_id TEXT, event_type TEXT, actor_kind TEXT, amount DOUBLE),
  grain (event_date, event_source, artifact_id, event_type, actor_kind),
  description 'What happened to an artifact on a day, summed by type and kind of actor.',
  column_descriptions (
    event_date = 'UTC day',
    event_source = 'the forge or network',
    artifact_id = 'canonical artifact',
    event_type = 'as in events_v1',
    actor_kind = 'human, bot or unknown',
    amount = 'sum of the amounts'
  )
);

SELECT
  bucket_date AS event_date,
  event_source,
  to_artifact_id AS artifact_id,
  event_type,
  actor_kind,
  CAST(SUM(CAST(amount AS DECIMAL(38, 9))) AS DOUBLE) AS amount
FROM marts.events_daily_v1
WHERE @restated((bucket_date, to_artifact_id) IN (SELECT day, artifact_id FROM intermediate.int_touched), bucket_date, 'SELECT DISTINCT day FROM intermediate.int_touched')
GROUP BY 1, 2, 3, 4, 5
