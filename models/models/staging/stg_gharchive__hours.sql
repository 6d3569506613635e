MODEL (
  name staging.stg_gharchive__hours,
  kind VIEW,
  columns (
    hour TEXT, period_start TIMESTAMPTZ, period_seconds BIGINT, state TEXT, record_count BIGINT, loaded_count BIGINT, rejected_count BIGINT
  ),
  description 'Hours of GH Archive that were asked for, and what became of them.',
  grain hour
);

SELECT
  hour,
  period_start,
  period_seconds,
  state,
  record_count,
  loaded_count,
  rejected_count
FROM pinned.gharchive__hours
