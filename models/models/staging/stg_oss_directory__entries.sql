MODEL (
  name staging.stg_oss_directory__entries,
  kind VIEW,
  columns (
    directory TEXT, project_name TEXT, field TEXT, listed_as TEXT, artifact_source TEXT, artifact_kind TEXT, artifact_namespace TEXT,
    artifact_name TEXT, artifact_key TEXT, artifact_url TEXT, valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ, directory_commit TEXT
  ),
  description 'Artifacts that projects list, with the time that each entry holds.',
  grain (project_name, field, listed_as, artifact_source, artifact_key, valid_from)
);

SELECT
  e.directory,
  e.project_name,
  e.field,
  e.listed_as,
  e.artifact_source,
  e.artifact_kind,
  e.artifact_namespace,
  e.artifact_name,
  e.artifact_key,
  e.artifact_url,
  e.valid_from,
  e.valid_to,
  e.directory_commit
FROM pinned.oss_directory__entries AS e
INNER JOIN (SELECT DISTINCT directory, project_name FROM staging.stg_oss_directory__projects) AS p
  ON p.directory = e.directory AND p.project_name = e.project_name
