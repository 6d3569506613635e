MODEL (
  name intermediate.int_touched,
  kind FULL,
  depends_on (marts.events_v1),
  columns (day DATE, artifact_id TEXT, actor_id TEXT),
  grain (day, artifact_id, actor_id),
  description 'Days, artifacts and actors whose events this run changed: of the restated days only what differs from before, and days that the as-of date now takes in or leaves out.',
  column_descriptions (
    day = 'UTC day of the events',
    artifact_id = 'what they happened to',
    actor_id = 'who did them; null where that is unknown'
  )
);

WITH changed AS (
  SELECT day, artifact_id, actor_id
  FROM control.touched_events
  GROUP BY day, artifact_id, actor_id, event_type, actor_kind
  HAVING SUM(sign * amount) <> 0 OR SUM(sign * event_count) <> 0 OR (SELECT is_redone FROM control.run)
)
SELECT DISTINCT day, artifact_id, actor_id
FROM (
  SELECT day, artifact_id, actor_id FROM changed
  UNION ALL
  SELECT day, artifact_id, actor_id FROM control.touched
) AS touched
WHERE NOT (SELECT is_full FROM control.run)
