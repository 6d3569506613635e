MODEL (
  name intermediate.int_artifact_months,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      restates = 'TRUE',
      days_of = 'month_start',
      days = 'SELECT DISTINCT day FROM control.touched_events',
      month_of = 'month_start'
    )
  ),
  partitioned_by MONTH(month_start),
  columns (month_start DATE, artifact_id TEXT, first_event_at TIMESTAMPTZ, last_event_at TIMESTAMPTZ),
  grain (month_start, artifact_id),
  description 'From when to when an artifact has events in a month. Over all months this is its first and its last event, for which no run reads the events of other months than those that it restates.',
  column_descriptions (
    month_start = 'first day of the month (UTC)',
    artifact_id = 'canonical artifact that an event is from or to',
    first_event_at = 'first event of the month from or to it',
    last_event_at = 'last event of the month from or to it'
  )
);

WITH ends AS (
  SELECT CAST(DATE_TRUNC('month', CAST(time AS DATE)) AS DATE) AS month_start, to_artifact_id, from_artifact_id, time
  FROM marts.events_v1
  WHERE @restated(
    CAST(DATE_TRUNC('month', CAST(time AS DATE)) AS DATE) IN (SELECT CAST(DATE_TRUNC('month', day) AS DATE) FROM control.touched_events),
    time,
    'SELECT DISTINCT day FROM control.touched_events'
  )
)
SELECT month_start, artifact_id, MIN(first_event_at) AS first_event_at, MAX(last_event_at) AS last_event_at
FROM (
  SELECT month_start, to_artifact_id AS artifact_id, MIN(time) AS first_event_at, MAX(time) AS last_event_at FROM ends GROUP BY 1, 2
  UNION ALL
  SELECT month_start, from_artifact_id, MIN(time), MAX(time) FROM ends WHERE NOT from_artifact_id IS NULL GROUP BY 1, 2
) AS sides
GROUP BY 1, 2
