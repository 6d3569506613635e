MODEL (
  name intermediate.int_artifacts,
  kind FULL,
  columns (
    artifact_id TEXT, artifact_source TEXT, artifact_kind TEXT, artifact_key TEXT, artifact_namespace TEXT, artifact_name TEXT,
    artifact_url TEXT, canonical_artifact_id TEXT, canonical_kind TEXT, canonical_key TEXT
  ),
  grain artifact_id,
  description 'Every artifact that a record, a clone or a directory names. What is known by name alone leads to the numbered artifact that bore the name at the time.',
  column_descriptions (
    artifact_id = 'SHA-256 of source, kind and key joined by U+001F',
    artifact_source = 'GITHUB, NPM, PYPI, OPTIMISM, GIT, ...',
    artifact_kind = 'repository, repository_name, account, account_name, package, address, author, ...',
    artifact_key = 'number, name or address',
    artifact_namespace = 'owner or scope, by the current name',
    artifact_name = 'current name',
    artifact_url = 'where a person finds it',
    canonical_artifact_id = 'the artifact whose series and membership this one shares; itself, mostly',
    canonical_kind = 'kind of the canonical artifact',
    canonical_key = 'key of the canonical artifact'
  )
);

WITH numbered AS (
  SELECT artifact_kind, artifact_number, artifact_name
  FROM (
    SELECT
      *,
      ROW_NUMBER() OVER (PARTITION BY artifact_kind, artifact_number ORDER BY last_seen_at DESC, artifact_name DESC) AS position
    FROM intermediate.int_artifact_names
    WHERE NOT artifact_number IS NULL
  ) AS ranked
  WHERE position = 1
), named AS (
  SELECT artifact_kind, artifact_name, MAX(last_seen_at) AS last_seen_at
  FROM (
    SELECT artifact_kind, artifact_name, last_seen_at FROM intermediate.int_artifact_names WHERE artifact_number IS NULL
    UNION ALL
    SELECT artifact_kind, artifact_key, NULL FROM staging.stg_oss_directory__entries
    WHERE artifact_source = 'GITHUB' AND artifact_kind IN ('repository_name', 'account_name')
    UNION ALL
    SELECT 'repository_name', repository_key, NULL FROM staging.stg_git__commits WHERE event_source = 'GITHUB'
    UNION ALL
    SELECT author_kind, author_artifact_key, committed_at FROM staging.stg_git__commits WHERE author_kind = 'account_name'
  ) AS sightings
  GROUP BY 1, 2
), resolved AS (
  SELECT n.artifact_kind, n.artifact_name, b.artifact_kind AS bearer_kind, b.artifact_number,
    ROW_NUMBER() OVER (
      PARTITION BY n.artifact_kind, n.artifact_name
      ORDER BY
        CASE WHEN b.first_seen_at <= n.last_seen_at THEN 0 ELSE 1 END,
        CASE WHEN b.first_seen_at <= n.last_seen_at THEN b.first_seen_at END DESC NULLS LAST,
        b.first_seen_at,
        b.artifact_number
    ) AS position
  FROM named AS n
  LEFT JOIN intermediate.int_artifact_names AS b
    ON b.artifact_kind = REPLACE(n.artifact_kind, '_name', '') AND b.artifact_name = n.artifact_name AND NOT b.artifact_number IS NULL
), keyed AS (
  SELECT
    'GITHUB' AS artifact_source, artifact_kind, CAST(artifact_number AS VARCHAR) AS artifact_key, artifact_name AS full_name,
    artifact_kind AS canonical_kind, CAST(artifact_number AS VARCHAR) AS canonical_key
  FROM numbered
  UNION ALL
  SELECT
    'GITHUB', artifact_kind, artifact_name, artifact_name,
    COALESCE(bearer_kind, artifact_kind), COALESCE(CAST(artifact_number AS VARCHAR), artifact_name)
  FROM resolved
  WHERE position = 1
), github AS (
  SELECT
    artifact_source, artifact_kind, artifact_key,
    CASE WHEN STRPOS(full_name, '/') > 0 THEN SPLIT_PART(full_name, '/', 1) END AS artifact_namespace,
    CASE WHEN STRPOS(full_name, '/') > 0 THEN SUBSTRING(full_name, STRPOS(full_name, '/') + 1) ELSE full_name END AS artifact_name,
    'https://github.com/' || full_name AS artifact_url,
    canonical_kind, canonical_key
  FROM keyed
), others AS (
  SELECT
    artifact_source, artifact_kind, artifact_key, MIN(artifact_namespace) AS artifact_namespace, MIN(artifact_name) AS artifact_name,
    MIN(artifact_url) AS artifact_url
  FROM (
    SELECT artifact_source, artifact_kind, artifact_key, artifact_namespace, artifact_name, artifact_url
    FROM staging.stg_oss_directory__entries
    WHERE NOT (artifact_source = 'GITHUB' AND artifact_kind IN ('repository_name', 'account_name'))
    UNION ALL
    SELECT author_source, author_kind, author_artifact_key, NULL, author_artifact_key, NULL
    FROM staging.stg_git__commits
    WHERE author_kind = 'author'
    UNION ALL
    SELECT
      event_source, 'repository_name', repository_key, SPLIT_PART(repository_key, '/', 1),
      SUBSTRING(repository_key, STRPOS(repository_key, '/') + 1), repository_url
    FROM staging.stg_git__commits
    WHERE event_source <> 'GITHUB'
    UNION ALL
    SELECT 'GITHUB', 'account', author_artifact_key, NULL, COALESCE(author_login, author_artifact_key), NULL
    FROM staging.stg_git__commits
    WHERE author_kind = 'account'
      AND NOT author_artifact_key IN (SELECT CAST(artifact_number AS VARCHAR) FROM numbered WHERE artifact_kind = 'account')
  ) AS named_otherwise
  GROUP BY 1, 2, 3
)
SELECT
  @entity_id(artifact_source, artifact_kind, artifact_key) AS artifact_id,
  artifact_source, artifact_kind, artifact_key, artifact_namespace, artifact_name, artifact_url,
  @entity_id(artifact_source, canonical_kind, canonical_key) AS canonical_artifact_id,
  canonical_kind, canonical_key
FROM github
UNION ALL
SELECT
  @entity_id(artifact_source, artifact_kind, artifact_key),
  artifact_source, artifact_kind, artifact_key, artifact_namespace, artifact_name, artifact_url,
  @entity_id(artifact_source, artifact_kind, artifact_key),
  artifact_kind, artifact_key
FROM others
