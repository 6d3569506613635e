MODEL (
  name intermediate.int_entity_artifacts,
  kind FULL,
  columns (level TEXT, entity_id TEXT, artifact_id TEXT),
  grain (level, entity_id, artifact_id),
  description 'Which artifacts'' events make up the series of which entity: artifacts that a project lists, projects, collections, by the membership that holds now.',
  column_descriptions (
    level = 'artifact, project or collection',
    entity_id = 'the artifact, project or collection',
    artifact_id = 'the artifact (canonical)'
  )
);

WITH listed AS (
  SELECT DISTINCT project_id, artifact_id
  FROM marts.project_memberships_v1
  WHERE valid_to IS NULL
), grouped AS (
  SELECT DISTINCT
    @entity_id('OSS_DIRECTORY', 'collection', c.collection_name) AS collection_id,
    @entity_id('OSS_DIRECTORY', 'project', p.project_name) AS project_id
  FROM staging.stg_oss_directory__collections AS c
  CROSS JOIN UNNEST(c.project_names) AS p(project_name)
  WHERE c.valid_to IS NULL
)
SELECT DISTINCT 'artifact' AS level, artifact_id AS entity_id, artifact_id
FROM (
  SELECT artifact_id FROM listed
  UNION
  SELECT canonical_artifact_id FROM intermediate.int_artifacts
  WHERE (SELECT all_artifacts FROM control.run) AND artifact_kind IN ('repository', 'repository_name')
) AS shown
UNION ALL
SELECT 'project', project_id, artifact_id FROM listed
UNION ALL
SELECT DISTINCT 'collection', g.collection_id, l.artifact_id
FROM grouped AS g
INNER JOIN listed AS l ON l.project_id = g.project_id
