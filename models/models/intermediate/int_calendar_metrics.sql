MODEL (
  name intermediate.int_calendar_metrics_by_@{level},
  blueprints ((level := 'artifact'), (level := 'project'), (level := 'collection')),
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      restates = '(entity_id, window_name, sample_date) IN (SELECT entity_id, window_name, sample_date FROM intermediate.int_restated_periods WHERE level = ''@level'') OR entity_id IN (SELECT entity_id FROM intermediate.int_changed_entities WHERE level = ''@level'')',
      month_of = 'sample_date'
    )
  ),
  partitioned_by MONTH(sample_date),
  physical_properties (sorted_by = ARRAY['entity_id', 'metric_name']),
  columns (metric_name TEXT, entity_id TEXT, sample_date DATE, amount DOUBLE, event_source TEXT, measure TEXT, is_no_bots BOOLEAN, window_name TEXT),
  grain (metric_name, entity_id, sample_date),
  audits (unique_samples),
  description 'Values of calendar windows of an entity. A missing row means 0.',
  column_descriptions (
    metric_name = 'event source, measure and window',
    entity_id = 'the entity',
    sample_date = 'first day of the window',
    amount = 'the value',
    event_source = 'the forge or network',
    measure = 'what is measured',
    is_no_bots = 'whether bots are left out',
    window_name = 'the window'
  )
);

WITH entities AS (
  SELECT entity_id, artifact_id
  FROM intermediate.int_entity_artifacts
  WHERE
    level = @level
    AND @restated(
      entity_id IN (SELECT entity_id FROM intermediate.int_restated_periods WHERE level = @level)
      OR entity_id IN (SELECT entity_id FROM intermediate.int_changed_entities WHERE level = @level)
    )
), changed AS (
  SELECT entity_id FROM intermediate.int_changed_entities WHERE level = @level
), periods AS (
  SELECT entity_id, window_name, sample_date FROM intermediate.int_restated_periods WHERE level = @level
), bounds AS (
  SELECT
    CASE WHEN (SELECT is_full FROM control.run) OR (SELECT COUNT(*) FROM changed) > 0
      THEN DATE '1970-01-01' ELSE (SELECT MIN(sample_date) FROM periods) END AS lowest,
    (SELECT as_of_date FROM control.run) AS highest
), artifact_periods AS (
  SELECT
    e.entity_id, d.event_source, w.window_name, @calendar_windows(d.event_date) AS sample_date, d.artifact_id,
    @sum_columns(),
    MAX(CASE WHEN @target_condition() THEN 1 ELSE 0 END) AS repositories_all,
    MAX(CASE WHEN @target_condition() AND d.actor_kind <> 'bot' THEN 1 ELSE 0 END) AS repositories_no_bots
  FROM intermediate.int_artifact_days AS d
  INNER JOIN entities AS e ON e.artifact_id = d.artifact_id
  CROSS JOIN @calendar_window_names()
  WHERE
    d.event_date BETWEEN (SELECT lowest FROM bounds) AND (SELECT highest FROM bounds)
    AND @restated_period(e.entity_id, d.event_date)
  GROUP BY 1, 2, 3, 4, 5
), artifact_totals AS (
  SELECT entity_id, event_source, window_name, sample_date, @summed(sum, targets)
  FROM artifact_periods
  GROUP BY 1, 2, 3, 4
), person_days AS (
  SELECT
    e.entity_id, d.event_source, d.actor_id, d.event_date,
    MAX(CASE WHEN d.is_commit THEN 1 ELSE 0 END) AS commit_all,
    MAX(CASE WHEN d.is_commit AND d.actor_kind <> 'bot' THEN 1 ELSE 0 END) AS commit_no_bots,
    MAX(CASE WHEN d.actor_kind <> 'bot' THEN 1 ELSE 0 END) AS contribution_no_bots
  FROM intermediate.int_actor_days AS d
  INNER JOIN entities AS e ON e.artifact_id = d.artifact_id
  WHERE d.event_date BETWEEN (SELECT lowest FROM bounds) AND (SELECT highest FROM bounds)
  GROUP BY 1, 2, 3, 4
), person_periods AS (
  SELECT
    p.entity_id, p.event_source, w.window_name, @calendar_windows(p.event_date) AS sample_date, p.actor_id,
    SUM(p.commit_all) AS commit_days_all,
    SUM(p.commit_no_bots) AS commit_days_no_bots,
    COUNT(*) AS contribution_days_all,
    SUM(p.contribution_no_bots) AS contribution_days_no_bots
  FROM person_days AS p
  CROSS JOIN @calendar_window_names()
  WHERE @restated_period(p.entity_id, p.event_date)
  GROUP BY 1, 2, 3, 4, 5
), measured_people AS (
  SELECT *, @is_share_window(window_name) AS is_share_window, @nominal_days(window_name, sample_date) AS nominal_days
  FROM person_periods
), person_totals AS (
  SELECT entity_id, event_source, window_name, sample_date, @people_columns()
  FROM measured_people
  GROUP BY 1, 2, 3, 4
), firsts AS (
  SELECT entity_id, event_source, first_date AS event_date, FALSE AS is_no_bots
  FROM intermediate.int_first_contributions
  WHERE level = @level
  UNION ALL
  SELECT entity_id, event_source, first_date_no_bots, TRUE
  FROM intermediate.int_first_contributions
  WHERE level = @level AND NOT first_date_no_bots IS NULL
), long AS (
  SELECT entity_id, event_source, window_name, sample_date, v.measure, v.is_no_bots, @wide_value(sum, targets) AS amount
  FROM artifact_totals
  CROSS JOIN @wide_names(sum, targets)
  UNION ALL
  SELECT entity_id, event_source, window_name, sample_date, v.measure, v.is_no_bots, @wide_value(people, active_days, share)
  FROM person_totals
  CROSS JOIN @wide_names(people, active_days, share)
  UNION ALL
  SELECT
    f.entity_id, f.event_source, w.window_name, @calendar_windows(f.event_date), p.measure, f.is_no_bots, CAST(COUNT(*) AS DOUBLE)
  FROM firsts AS f
  CROSS JOIN @calendar_window_names()
  CROSS JOIN @people_measures(first)
  WHERE @restated_period(f.entity_id, f.event_date)
  GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT
  @metric_name(event_source, measure, is_no_bots, window_name) AS metric_name,
  entity_id,
  sample_date,
  amount,
  event_source,
  measure,
  is_no_bots,
  window_name
FROM long
WHERE amount <> 0
