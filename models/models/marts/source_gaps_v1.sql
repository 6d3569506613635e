MODEL (
  name marts.source_gaps_v1,
  kind VIEW,
  columns (event_source TEXT, event_type TEXT, gap_start TIMESTAMPTZ, gap_end TIMESTAMPTZ, reason TEXT, url TEXT),
  grain (event_source, event_type, gap_start),
  description 'Known gaps of sources: every number that one touches is marked as degraded.',
  column_descriptions (
    event_source = 'the forge',
    event_type = 'type of event that is missing; * for all',
    gap_start = 'since when',
    gap_end = 'until when; null while it lasts',
    reason = 'what is missing and why',
    url = 'where to read of it'
  )
);

SELECT
  event_source,
  event_type,
  CAST(gap_start AS TIMESTAMP(6) WITH TIME ZONE) AS gap_start,
  CAST(NULLIF(gap_end, '') AS TIMESTAMP(6) WITH TIME ZONE) AS gap_end,
  reason,
  url
FROM staging.source_gaps
