MODEL (
  name marts.projects_v1,
  kind VIEW,
  columns (
    project_id TEXT, oso_id TEXT, project_source TEXT, project_namespace TEXT, project_name TEXT, display_name TEXT, description TEXT,
    first_listed_at TIMESTAMPTZ, artifact_count BIGINT
  ),
  grain project_name,
  description 'Projects that a directory lists now.',
  column_descriptions (
    project_id = 'SHA-256 of OSS_DIRECTORY, project and the slug',
    oso_id = 'the id that Open Source Observer gave it',
    project_source = 'OSS_DIRECTORY for the public directory (its address, or a copy without one named oss-directory or oss-directory-...), else the directory''s name',
    project_namespace = 'oso, as Open Source Observer has it',
    project_name = 'slug',
    display_name = 'name for people',
    description = 'what the project says of itself',
    first_listed_at = 'when the directory first listed it; null without history',
    artifact_count = 'artifacts that belong to it now'
  )
);

WITH current_projects AS (
  SELECT directory, project_name, display_name, description
  FROM staging.stg_oss_directory__projects
  WHERE valid_to IS NULL
), listings AS (
  SELECT project_name, MIN(valid_from) AS first_listed_at
  FROM staging.stg_oss_directory__projects
  GROUP BY 1
), counts AS (
  SELECT project_id, COUNT(DISTINCT artifact_id) AS artifact_count
  FROM marts.project_memberships_v1
  WHERE valid_to IS NULL
  GROUP BY 1
)
SELECT
  @entity_id('OSS_DIRECTORY', 'project', p.project_name) AS project_id,
  @sha256_base64('OSS_DIRECTORY' || 'oso' || p.project_name) AS oso_id,
  @directory_source(p.directory) AS project_source,
  'oso' AS project_namespace,
  p.project_name,
  p.display_name,
  p.description,
  l.first_listed_at,
  COALESCE(c.artifact_count, 0) AS artifact_count
FROM current_projects AS p
INNER JOIN listings AS l ON l.project_name = p.project_name
LEFT JOIN counts AS c ON c.project_id = @entity_id('OSS_DIRECTORY', 'project', p.project_name)
