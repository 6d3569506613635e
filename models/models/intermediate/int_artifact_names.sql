MODEL (
  name intermediate.int_artifact_names,
  kind FULL,
  columns (artifact_kind TEXT, artifact_number BIGINT, artifact_name TEXT, first_seen_at TIMESTAMPTZ, last_seen_at TIMESTAMPTZ),
  grain (artifact_kind, artifact_number, artifact_name),
  description 'Every name that a repository or an account was seen under, over all time.',
  column_descriptions (
    artifact_kind = 'repository, account, repository_name or account_name',
    artifact_number = 'number at GitHub; null for the two kinds that are keyed by name',
    artifact_name = 'owner/name or login, lower-case',
    first_seen_at = 'first record under this name',
    last_seen_at = 'last record under this name'
  )
);

SELECT
  artifact_kind,
  artifact_number,
  artifact_name,
  MIN(first_seen_at) AS first_seen_at,
  MAX(last_seen_at) AS last_seen_at
FROM intermediate.int_sightings
GROUP BY 1, 2, 3
