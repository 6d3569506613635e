MODEL (
  name marts.artifacts_by_project_v1,
  kind VIEW,
  columns (
    project_id TEXT, project_name TEXT, artifact_id TEXT, artifact_source TEXT, artifact_namespace TEXT, artifact_name TEXT,
    listed_as TEXT, listed_at TIMESTAMPTZ
  ),
  grain (project_name, artifact_id),
  description 'Which artifacts belong to a project now.',
  column_descriptions (
    project_id = 'the project',
    project_name = 'its slug',
    artifact_id = 'the artifact (canonical)',
    artifact_source = 'GITHUB, NPM, ...',
    artifact_namespace = 'owner or scope',
    artifact_name = 'current name',
    listed_as = 'the entry''s own text; the first one, where several lead here',
    listed_at = 'since when the directory lists it; null without history'
  )
);

WITH listed AS (
  SELECT project_id, artifact_id, MIN(listed_as) AS listed_as, MIN(valid_from) AS listed_at
  FROM marts.project_memberships_v1
  WHERE valid_to IS NULL
  GROUP BY 1, 2
)
SELECT
  l.project_id,
  p.project_name,
  l.artifact_id,
  a.artifact_source,
  a.artifact_namespace,
  a.artifact_name,
  l.listed_as,
  l.listed_at
FROM listed AS l
INNER JOIN marts.projects_v1 AS p ON p.project_id = l.project_id
INNER JOIN intermediate.int_artifacts AS a ON a.artifact_id = l.artifact_id
