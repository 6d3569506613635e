MODEL (
  name marts.metric_periods_v1,
  kind FULL,
  tags ('month_of=sample_date'),
  partitioned_by MONTH(sample_date),
  columns (
    metric_id TEXT, metric_name TEXT, sample_date DATE, is_period_complete BOOLEAN, coverage DOUBLE, is_degraded BOOLEAN, gap_reason TEXT
  ),
  grain (metric_name, sample_date),
  audits (no_collapse),
  description 'How far the values of a metric at a date can be trusted: whether the period is over, how much of it is loaded, whether a known gap touches it.',
  column_descriptions (
    metric_id = 'the metric',
    metric_name = 'its name',
    sample_date = 'first day of a calendar window, last day of a rolling one',
    is_period_complete = 'whether the as-of date is not before the period''s last day',
    coverage = 'seconds of the period in hours that are loaded or empty, over all its seconds; null for sources without hours',
    is_degraded = 'whether a known gap touches the period',
    gap_reason = 'the gap''s reason; several joined by "; "'
  )
);

WITH run AS (
  SELECT as_of_date FROM control.run
), days AS (
  SELECT day FROM control.days WHERE day <= (SELECT as_of_date FROM run)
), periods AS (
  SELECT DISTINCT w.window_name, @calendar_windows(d.day) AS sample_date
  FROM days AS d
  CROSS JOIN @calendar_window_names()
), spans AS (
  SELECT window_name, sample_date, sample_date AS first_day, @date_plus(sample_date, @nominal_days(window_name, sample_date)) AS end_day
  FROM periods
  UNION ALL
  SELECT w.window_name, d.day, @date_minus(d.day, w.window_days - 1), @date_plus(d.day, 1)
  FROM days AS d
  CROSS JOIN @rolling_window_days()
), hours AS (
  SELECT CAST(period_start AS DATE) AS day, SUM(period_seconds) AS loaded_seconds
  FROM marts.event_coverage_v1
  WHERE state IN ('loaded', 'empty')
  GROUP BY 1
), covered AS (
  SELECT s.window_name, s.sample_date, SUM(h.loaded_seconds) AS loaded_seconds
  FROM spans AS s
  INNER JOIN hours AS h ON h.day >= s.first_day AND h.day < s.end_day
  GROUP BY 1, 2
), marked AS (
  SELECT
    s.window_name, s.sample_date, s.first_day, s.end_day,
    @date_minus(s.end_day, 1) <= (SELECT as_of_date FROM run) AS is_period_complete,
    CASE WHEN (SELECT COUNT(*) FROM marts.event_coverage_v1) > 0
      THEN CAST(COALESCE(c.loaded_seconds, 0) AS DOUBLE) / CAST(86400 * DATE_DIFF('day', s.first_day, s.end_day) AS DOUBLE) END AS coverage
  FROM spans AS s
  LEFT JOIN covered AS c ON c.window_name = s.window_name AND c.sample_date = s.sample_date
), metrics AS (
  SELECT m.metric_id, m.metric_name, m.event_source, m.measure, m.window_name, c.event_types
  FROM marts.metrics_v1 AS m
  INNER JOIN @metric_catalogue() ON c.measure = m.measure AND c.window_name = m.window_name AND c.includes_bots = m.includes_bots
), gaps AS (
  SELECT
    m.measure, m.event_source, k.window_name, k.sample_date,
    ARRAY_JOIN(ARRAY_SORT(ARRAY_AGG(DISTINCT g.reason)), '; ') AS gap_reason
  FROM (SELECT DISTINCT measure, event_source, window_name, event_types FROM metrics) AS m
  INNER JOIN marked AS k ON k.window_name = m.window_name
  INNER JOIN marts.source_gaps_v1 AS g
    ON g.event_source = m.event_source
    AND (g.event_type = '*' OR STRPOS('|' || m.event_types || '|', '|' || g.event_type || '|') > 0)
    AND CAST(g.gap_start AS DATE) < k.end_day
    AND (g.gap_end IS NULL OR CAST(DATE_ADD('millisecond', -1, g.gap_end) AS DATE) >= k.first_day)
  GROUP BY 1, 2, 3, 4
)
SELECT
  m.metric_id,
  m.metric_name,
  k.sample_date,
  k.is_period_complete,
  CASE WHEN m.event_source = 'GITHUB' THEN k.coverage END AS coverage,
  NOT g.gap_reason IS NULL AS is_degraded,
  g.gap_reason
FROM metrics AS m
INNER JOIN marked AS k ON k.window_name = m.window_name
LEFT JOIN gaps AS g
  ON g.measure = m.measure AND g.event_source = m.event_source AND g.window_name = k.window_name AND g.sample_date = k.sample_date
