MODEL (
  name intermediate.int_artifact_months,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      restates = 'month_start IN (SELECT DATE_TRUNC(''month'', day) FROM control.touched_events)',
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

WITH touched AS (
  SELECT DISTINCT CAST(DATE_TRUNC('month', day) AS DATE) AS month_start FROM control.touched_events
), earliest AS (
  SELECT CAST(CASE WHEN r.is_full THEN DATE '1970-01-01' ELSE t.month_start END AS TIMESTAMP(6) WITH TIME ZONE) AS since
  FROM control.run AS r
  CROSS JOIN (SELECT MIN(month_start) AS month_start FROM touched) AS t
), ends AS (
  SELECT CAST(DATE_TRUNC('month', CAST(time AS DATE)) AS DATE) AS month_start, to_artifact_id, from_artifact_id, time
  FROM marts.events_v1
  WHERE
    time >= (SELECT since FROM earliest)
    AND @restated(CAST(DATE_TRUNC('month', CAST(time AS DATE)) AS DATE) IN (SELECT month_start FROM touched))
)
SELECT month_start, artifact_id, MIN(first_event_at) AS first_event_at, MAX(last_event_at) AS last_event_at
FROM (
  SELECT month_start, to_artifact_id AS artifact_id, MIN(time) AS first_event_at, MAX(time) AS last_event_at FROM ends GROUP BY 1, 2
  UNION ALL
  SELECT month_start, from_artifact_id, MIN(time), MAX(time) FROM ends WHERE NOT from_artifact_id IS NULL GROUP BY 1, 2
) AS sides
GROUP BY 1, 2
