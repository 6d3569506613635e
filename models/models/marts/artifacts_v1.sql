MODEL (
  name marts.artifacts_v1,
  kind FULL,
  columns (
    artifact_id TEXT, oso_id TEXT, artifact_source TEXT, artifact_kind TEXT, artifact_namespace TEXT, artifact_name TEXT,
    artifact_source_id TEXT, artifact_url TEXT, canonical_artifact_id TEXT, first_event_at TIMESTAMPTZ, last_event_at TIMESTAMPTZ
  ),
  grain artifact_id,
  audits (unique_artifacts),
  description 'Where work happens, where value flows, and who acts: artifacts that a project lists or that an event names.',
  column_descriptions (
    artifact_id = 'SHA-256 of source, kind and key joined by U+001F',
    oso_id = 'the id that Open Source Observer gave it, by its current name',
    artifact_source = 'GITHUB, NPM, PYPI, OPTIMISM, GIT, ...',
    artifact_kind = 'repository, account, package, address, author, ...; _name where the number isn''t known',
    artifact_namespace = 'owner or scope',
    artifact_name = 'current name',
    artifact_source_id = 'the source''s own key: number, name or address',
    artifact_url = 'where a person finds it',
    canonical_artifact_id = 'the artifact whose series and membership this one shares; itself, mostly',
    first_event_at = 'first event from or to it',
    last_event_at = 'last event from or to it'
  )
);

WITH seen AS (
  SELECT artifact_id, MIN(first_event_at) AS first_event_at, MAX(last_event_at) AS last_event_at
  FROM intermediate.int_artifact_months
  GROUP BY 1
), listed AS (
  SELECT DISTINCT artifact_id FROM marts.project_memberships_v1
)
SELECT
  a.artifact_id,
  @sha256_base64(
    CASE a.artifact_source WHEN 'CRATES' THEN 'RUST' WHEN 'PYPI' THEN 'PIP' ELSE a.artifact_source END
      || COALESCE(a.artifact_namespace, CASE WHEN a.artifact_kind IN ('account', 'account_name') THEN a.artifact_name ELSE '' END)
      || a.artifact_name
  ) AS oso_id,
  a.artifact_source,
  a.artifact_kind,
  a.artifact_namespace,
  a.artifact_name,
  a.artifact_key AS artifact_source_id,
  a.artifact_url,
  a.canonical_artifact_id,
  s.first_event_at,
  s.last_event_at
FROM intermediate.int_artifacts AS a
LEFT JOIN seen AS s ON s.artifact_id = a.artifact_id
LEFT JOIN listed AS l ON l.artifact_id = a.canonical_artifact_id
WHERE NOT s.artifact_id IS NULL OR NOT l.artifact_id IS NULL
