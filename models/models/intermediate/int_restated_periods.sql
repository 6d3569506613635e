MODEL (
  name intermediate.int_restated_periods,
  kind FULL,
  depends_on (intermediate.int_first_contributions),
  columns (level TEXT, entity_id TEXT, window_name TEXT, sample_date DATE),
  grain (level, entity_id, window_name, sample_date),
  description 'Calendar periods of entities whose values this run computes anew: those that hold a day which changed, or from or to which a first contribution moved.',
  column_descriptions (
    level = 'artifact, project or collection',
    entity_id = 'the artifact, project or collection',
    window_name = 'daily, weekly, monthly, quarterly or yearly',
    sample_date = 'first day of the period'
  )
);

WITH days AS (
  SELECT DISTINCT e.level, e.entity_id, t.day
  FROM intermediate.int_touched AS t
  INNER JOIN intermediate.int_entity_artifacts AS e ON e.artifact_id = t.artifact_id
  UNION
  SELECT level, entity_id, first_date
  FROM control.touched_firsts
  GROUP BY level, entity_id, event_source, actor_id, first_date
  HAVING SUM(sign) <> 0 OR (SELECT is_redone FROM control.run)
  UNION
  SELECT level, entity_id, first_date_no_bots
  FROM control.touched_firsts
  WHERE NOT first_date_no_bots IS NULL
  GROUP BY level, entity_id, event_source, actor_id, first_date_no_bots
  HAVING SUM(sign) <> 0 OR (SELECT is_redone FROM control.run)
)
SELECT DISTINCT
  d.level,
  d.entity_id,
  w.window_name,
  @calendar_windows(d.day) AS sample_date
FROM days AS d
CROSS JOIN @calendar_window_names()
WHERE NOT (SELECT is_full FROM control.run)
