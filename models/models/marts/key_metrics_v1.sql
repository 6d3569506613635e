MODEL (
  name marts.key_metrics_by_@{level}_v1,
  blueprints ((level := 'artifact'), (level := 'project'), (level := 'collection')),
  kind FULL,
  columns (metric_id TEXT, metric_name TEXT, @{level}_id TEXT, sample_date DATE, amount DOUBLE, unit TEXT),
  grain (metric_name, @{level}_id),
  description 'The all-time value of each metric, and each rolling window''s value at the as-of date, of an entity. A missing row means 0.',
  column_descriptions (
    metric_id = 'the metric',
    metric_name = 'event source, measure and window',
    @{level}_id = 'the entity',
    sample_date = 'the as-of date',
    amount = 'the value',
    unit = 'of the value'
  )
);

WITH run AS (
  SELECT as_of_date FROM control.run
), summed AS (
  SELECT event_source, measure, is_no_bots, entity_id, SUM(amount) AS amount
  FROM intermediate.int_calendar_metrics_by_@{level}
  WHERE window_name = 'yearly' AND measure IN (SELECT measure FROM @additive_measures())
  GROUP BY 1, 2, 3, 4
), people AS (
  SELECT
    event_source, entity_id,
    COUNT(first_date) AS contributions_all,
    COUNT(first_date_no_bots) AS contributions_no_bots,
    COUNT(first_commit_date) AS commits_all,
    COUNT(first_commit_date_no_bots) AS commits_no_bots
  FROM intermediate.int_first_contributions
  WHERE level = @level
  GROUP BY 1, 2
), counted AS (
  SELECT
    x.event_source, p.measure, n.is_no_bots, x.entity_id,
    CAST(CASE WHEN p.is_commits
      THEN CASE WHEN n.is_no_bots THEN x.commits_no_bots ELSE x.commits_all END
      ELSE CASE WHEN n.is_no_bots THEN x.contributions_no_bots ELSE x.contributions_all END END AS DOUBLE) AS amount
  FROM people AS x
  CROSS JOIN (VALUES (FALSE), (TRUE)) AS n(is_no_bots)
  CROSS JOIN @people_measures(people, first)
), targets AS (
  SELECT d.event_source, p.measure, n.is_no_bots, e.entity_id, CAST(COUNT(DISTINCT d.artifact_id) AS DOUBLE) AS amount
  FROM intermediate.int_artifact_days AS d
  INNER JOIN intermediate.int_entity_artifacts AS e ON e.artifact_id = d.artifact_id AND e.level = @level
  CROSS JOIN (VALUES (FALSE), (TRUE)) AS n(is_no_bots)
  CROSS JOIN @people_measures(targets)
  WHERE
    @target_condition() AND (NOT n.is_no_bots OR d.actor_kind <> 'bot') AND d.event_date <= (SELECT as_of_date FROM run)
  GROUP BY 1, 2, 3, 4
), all_time AS (
  SELECT @metric_name(event_source, measure, is_no_bots, 'over_all_time') AS metric_name, entity_id, amount
  FROM (SELECT * FROM summed UNION ALL SELECT * FROM counted UNION ALL SELECT * FROM targets) AS united
), rolling AS (
  SELECT metric_name, entity_id, amount
  FROM (
    SELECT
      metric_name, entity_id, amount, ROW_NUMBER() OVER (PARTITION BY metric_name, entity_id ORDER BY sample_date DESC) AS position
    FROM intermediate.int_rolling_metrics_by_@{level}
    WHERE sample_date BETWEEN CAST(DATE_TRUNC('month', (SELECT as_of_date FROM run)) AS DATE) AND (SELECT as_of_date FROM run)
  ) AS ranked
  WHERE position = 1
)
SELECT
  m.metric_id,
  k.metric_name,
  k.entity_id AS @{level}_id,
  (SELECT as_of_date FROM run) AS sample_date,
  k.amount,
  m.unit
FROM (SELECT * FROM all_time UNION ALL SELECT * FROM rolling) AS k
INNER JOIN marts.metrics_v1 AS m ON m.metric_name = k.metric_name
WHERE k.amount <> 0
