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
    state = 'loaded, empty, missing or partial (a cut file)',
    record_count = 'records in the hour''s file',
    loaded_count = 'records that became rows',
    rejected_count = 'records that did not fit'
  )
);

SELECT
  'GITHUB' AS event_source,
  period_start,
  period_seconds,
  state,
  record_count,
  loaded_count,
  rejected_count
FROM staging.stg_gharchive__hours
