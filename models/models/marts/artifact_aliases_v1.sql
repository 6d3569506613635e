MODEL (
  name marts.artifact_aliases_v1,
  kind VIEW,
  columns (
    artifact_id TEXT, artifact_source TEXT, artifact_namespace TEXT, artifact_name TEXT, first_seen_at TIMESTAMPTZ, last_seen_at TIMESTAMPTZ,
    canonical_artifact_id TEXT
  ),
  grain (artifact_id, artifact_namespace, artifact_name),
  description 'Every name and former name of an artifact. Name-keyed artifacts lead to the numbered one that bore the name at the time.',
  column_descriptions (
    artifact_id = 'the artifact',
    artifact_source = 'GITHUB, ...',
    artifact_namespace = 'owner under this name; null for accounts',
    artifact_name = 'the name, lower-case',
    first_seen_at = 'first record under this name; null if only a directory or a clone names it',
    last_seen_at = 'last record under this name',
    canonical_artifact_id = 'the artifact whose series and membership this one shares'
  )
);

WITH names AS (
  SELECT
    artifact_kind,
    COALESCE(CAST(artifact_number AS VARCHAR), artifact_name) AS artifact_key,
    artifact_name AS full_name,
    first_seen_at,
    last_seen_at
  FROM intermediate.int_artifact_names
), unseen AS (
  SELECT
    artifact_kind,
    artifact_key,
    CASE WHEN artifact_namespace IS NULL THEN artifact_name ELSE artifact_namespace || '/' || artifact_name END AS full_name
  FROM intermediate.int_artifacts
  WHERE artifact_source = 'GITHUB' AND artifact_kind IN ('repository_name', 'account_name', 'account')
    AND NOT (artifact_kind, artifact_key) IN (SELECT artifact_kind, artifact_key FROM names)
)
SELECT
  a.artifact_id,
  a.artifact_source,
  CASE WHEN STRPOS(n.full_name, '/') > 0 THEN SPLIT_PART(n.full_name, '/', 1) END AS artifact_namespace,
  CASE WHEN STRPOS(n.full_name, '/') > 0 THEN SUBSTRING(n.full_name, STRPOS(n.full_name, '/') + 1) ELSE n.full_name END AS artifact_name,
  n.first_seen_at,
  n.last_seen_at,
  a.canonical_artifact_id
FROM (
  SELECT artifact_kind, artifact_key, full_name, first_seen_at, last_seen_at FROM names
  UNION ALL
  SELECT artifact_kind, artifact_key, full_name, CAST(NULL AS TIMESTAMP(6) WITH TIME ZONE), CAST(NULL AS TIMESTAMP(6) WITH TIME ZONE) FROM unseen
) AS n
INNER JOIN intermediate.int_artifacts AS a
  ON a.artifact_source = 'GITHUB' AND a.artifact_kind = n.artifact_kind AND a.artifact_key = n.artifact_key
