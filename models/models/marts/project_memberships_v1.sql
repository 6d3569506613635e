MODEL (
  name marts.project_memberships_v1,
  kind FULL,
  columns (
    project_id TEXT, artifact_id TEXT, listed_as TEXT, valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ, directory_commit TEXT
  ),
  grain (project_id, artifact_id, listed_as, valid_from),
  description 'Which artifact belonged to which project from when to when, by the directory''s history. An entry for an owner stands for all repositories whose current owner it is.',
  column_descriptions (
    project_id = 'the project',
    artifact_id = 'the artifact (canonical)',
    listed_as = 'the entry''s own text',
    valid_from = 'since when the directory lists it; null where its history is not loaded',
    valid_to = 'until when; null while it holds',
    directory_commit = 'commit of the directory that the entry was read at'
  )
);

WITH entries AS (
  SELECT DISTINCT
    project_name, listed_as, artifact_source, artifact_kind, artifact_key, valid_from, valid_to, directory_commit
  FROM staging.stg_oss_directory__entries
), repository_names AS (
  SELECT
    e.project_name, e.listed_as, e.artifact_kind, e.artifact_key, e.valid_from, e.valid_to, e.directory_commit, b.artifact_number,
    ROW_NUMBER() OVER (
      PARTITION BY e.project_name, e.listed_as, e.artifact_key, e.valid_from, e.valid_to, e.directory_commit
      ORDER BY
        CASE WHEN e.valid_from IS NULL OR b.first_seen_at <= e.valid_from THEN 0 ELSE 1 END,
        CASE WHEN e.valid_from IS NULL OR b.first_seen_at <= e.valid_from THEN b.first_seen_at END DESC NULLS LAST,
        b.first_seen_at,
        b.artifact_number
    ) AS position
  FROM entries AS e
  LEFT JOIN intermediate.int_artifact_names AS b
    ON b.artifact_kind = 'repository' AND b.artifact_name = e.artifact_key
  WHERE e.artifact_source = 'GITHUB' AND e.artifact_kind = 'repository_name'
), current_repositories AS (
  SELECT artifact_namespace, artifact_id, artifact_kind
  FROM intermediate.int_artifacts
  WHERE artifact_source = 'GITHUB' AND artifact_kind IN ('repository', 'repository_name') AND artifact_id = canonical_artifact_id
), resolved AS (
  SELECT
    project_name, listed_as, valid_from, valid_to, directory_commit,
    CASE WHEN artifact_number IS NULL
      THEN @entity_id('GITHUB', artifact_kind, artifact_key)
      ELSE @entity_id('GITHUB', 'repository', CAST(artifact_number AS VARCHAR)) END AS artifact_id
  FROM repository_names
  WHERE position = 1
  UNION ALL
  SELECT
    e.project_name, e.listed_as, e.valid_from, e.valid_to, e.directory_commit,
    COALESCE(r.artifact_id, @entity_id('GITHUB', e.artifact_kind, e.artifact_key))
  FROM entries AS e
  LEFT JOIN current_repositories AS r ON r.artifact_namespace = e.artifact_key
  WHERE e.artifact_source = 'GITHUB' AND e.artifact_kind = 'account_name'
  UNION ALL
  SELECT
    project_name, listed_as, valid_from, valid_to, directory_commit, @entity_id(artifact_source, artifact_kind, artifact_key)
  FROM entries
  WHERE NOT (artifact_source = 'GITHUB' AND artifact_kind IN ('repository_name', 'account_name'))
)
SELECT DISTINCT
  @entity_id('OSS_DIRECTORY', 'project', project_name) AS project_id,
  artifact_id,
  listed_as,
  valid_from,
  valid_to,
  directory_commit
FROM resolved
