MODEL (
  name marts.timeseries_metrics_by_@{level}_v1,
  blueprints ((level := 'artifact'), (level := 'project'), (level := 'collection')),
  kind VIEW,
  tags ('month_of=sample_date'),
  columns (metric_id TEXT, metric_name TEXT, @{level}_id TEXT, sample_date DATE, amount DOUBLE, unit TEXT),
  grain (metric_name, @{level}_id, sample_date),
  description 'Metrics of each entity over time. Calendar windows: a row per period that is not 0, at its first day. Rolling windows: steps, at the window''s last day.',
  column_descriptions (
    metric_id = 'the metric',
    metric_name = 'event source, measure and window',
    @{level}_id = 'the entity',
    sample_date = 'first day of a calendar window, last day of a rolling one',
    amount = 'the value',
    unit = 'of the value'
  )
);

SELECT
  m.metric_id,
  s.metric_name,
  s.entity_id AS @{level}_id,
  s.sample_date,
  s.amount,
  m.unit
FROM (
  SELECT metric_name, entity_id, sample_date, amount FROM intermediate.int_calendar_metrics_by_@{level}
  UNION ALL
  SELECT metric_name, entity_id, sample_date, amount FROM intermediate.int_rolling_metrics_by_@{level}
) AS s
INNER JOIN marts.metrics_v1 AS m ON m.metric_name = s.metric_name
