MODEL (
  name marts.event_coverage_v1,
  kind VIEW,
  columns (
    event_source TEXT, period_start TIMESTAMPTZ, period_seconds BIGINT, state TEXT, record_count BIGINT, loaded_count BIGINT,
    rejected_count BIGINT
  ),
  grain (event_source, period_start),
  description 'Hours of a source that were asked for, and what became of them.',
  column_descriptions (
    event_source = 'the forge',
    period_start = 'start of the hour (UTC)',
    period_seconds = 'its length',
    state = 'loaded, empty, missing or partial (a file is cut, or one of two that hold the hour is missing)',
    record_count = 'records in the hour''s files',
    loaded_count = 'records that became rows',
    rejected_count = 'records that did not fit'
  )
);

SELECT
  'GITHUB' AS event_source,
  period_start,
  MAX(period_seconds) AS period_seconds,
  CASE
    WHEN COUNT(*) = SUM(CASE WHEN state = 'empty' THEN 1 ELSE 0 END) THEN 'empty'
    WHEN COUNT(*) = SUM(CASE WHEN state = 'missing' THEN 1 ELSE 0 END) THEN 'missing'
    WHEN COUNT(*) = SUM(CASE WHEN state IN ('loaded', 'empty') THEN 1 ELSE 0 END) THEN 'loaded'
    ELSE 'partial'
  END AS state,
  CAST(SUM(record_count) AS BIGINT) AS record_count,
  CAST(SUM(loaded_count) AS BIGINT) AS loaded_count,
  CAST(SUM(rejected_count) AS BIGINT) AS rejected_count
FROM staging.stg_gharchive__hours
GROUP BY period_start
