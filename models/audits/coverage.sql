-- A day of full coverage (24 hours that are loaded or empty), outside the declared gaps, with less than half the records that the days
-- before it had: the median of those among the 28 days before that are such days too. A day is judged where seven days or more say what
-- is usual, and that is 1,000 records or more: below, chance alone halves a day.
AUDIT (name no_collapse);
WITH days AS (
  SELECT CAST(period_start AS DATE) AS day, SUM(loaded_count) AS record_count
  FROM marts.event_coverage_v1
  WHERE state IN ('loaded', 'empty')
  GROUP BY 1
  HAVING SUM(period_seconds) >= 86400
), whole AS (
  SELECT d.day, d.record_count
  FROM days AS d
  LEFT JOIN marts.source_gaps_v1 AS g
    ON g.event_source = 'GITHUB' AND g.event_type = '*'
    AND CAST(g.gap_start AS DATE) <= d.day AND (g.gap_end IS NULL OR CAST(DATE_ADD('millisecond', -1, g.gap_end) AS DATE) >= d.day)
  WHERE g.event_source IS NULL
), ranked AS (
  SELECT
    d.day, d.record_count, b.record_count AS usual_count,
    ROW_NUMBER() OVER (PARTITION BY d.day ORDER BY b.record_count) AS position,
    COUNT(*) OVER (PARTITION BY d.day) AS day_count
  FROM whole AS d
  INNER JOIN whole AS b ON b.day >= DATE_ADD('day', -28, d.day) AND b.day < d.day
  WHERE NOT d.day IN (SELECT day FROM control.accepted_falls)
)
SELECT day, record_count, usual_count
FROM ranked
WHERE position * 2 IN (day_count, day_count + 1) AND day_count >= 7 AND usual_count >= 1000 AND record_count * 2 < usual_count;
