MODEL (
  name marts.projects_by_collection_v1,
  kind VIEW,
  columns (collection_id TEXT, collection_name TEXT, project_id TEXT, project_name TEXT, listed_at TIMESTAMPTZ),
  grain (collection_name, project_name),
  description 'Which projects a collection holds now.',
  column_descriptions (
    collection_id = 'the collection',
    collection_name = 'its slug',
    project_id = 'the project',
    project_name = 'its slug',
    listed_at = 'since when the collection lists it without a break; null without history'
  )
);

WITH versions AS (
  SELECT c.collection_name, p.project_name, c.valid_from, c.valid_to
  FROM staging.stg_oss_directory__collections AS c
  CROSS JOIN UNNEST(c.project_names) AS p(project_name)
), breaks AS (
  SELECT
    collection_name, project_name, valid_from, valid_to,
    CASE WHEN LAG(valid_to) OVER (PARTITION BY collection_name, project_name ORDER BY valid_from, valid_to) = valid_from
      THEN 0 ELSE 1 END AS is_break
  FROM (SELECT DISTINCT collection_name, project_name, valid_from, valid_to FROM versions) AS distinct_versions
), runs AS (
  SELECT
    collection_name, project_name, valid_from, valid_to,
    SUM(is_break) OVER (
      PARTITION BY collection_name, project_name ORDER BY valid_from, valid_to ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS run_number
  FROM breaks
), listed AS (
  SELECT collection_name, project_name, MIN(valid_from) AS listed_at
  FROM runs
  GROUP BY collection_name, project_name, run_number
  HAVING COUNT(*) > COUNT(valid_to)
)
SELECT
  @entity_id('OSS_DIRECTORY', 'collection', l.collection_name) AS collection_id,
  l.collection_name,
  @entity_id('OSS_DIRECTORY', 'project', l.project_name) AS project_id,
  l.project_name,
  l.listed_at
FROM listed AS l
INNER JOIN (SELECT DISTINCT project_name FROM staging.stg_oss_directory__projects WHERE valid_to IS NULL) AS p
  ON p.project_name = l.project_name
