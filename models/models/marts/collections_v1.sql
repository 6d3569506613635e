MODEL (
  name marts.collections_v1,
  kind VIEW,
  columns (
    collection_id TEXT, oso_id TEXT, collection_source TEXT, collection_namespace TEXT, collection_name TEXT, display_name TEXT,
    description TEXT, project_count BIGINT
  ),
  grain collection_name,
  description 'Collections that a directory lists now.',
  column_descriptions (
    collection_id = 'SHA-256 of OSS_DIRECTORY, collection and the slug',
    oso_id = 'the id that Open Source Observer gave it',
    collection_source = 'OSS_DIRECTORY for the public directory (its address, or a copy without one named oss-directory or oss-directory-...), else the directory''s name',
    collection_namespace = 'oso, as Open Source Observer has it',
    collection_name = 'slug',
    display_name = 'name for people',
    description = 'what the collection says of itself',
    project_count = 'projects that belong to it now'
  )
);

WITH counts AS (
  SELECT collection_id, COUNT(*) AS project_count
  FROM marts.projects_by_collection_v1
  GROUP BY 1
)
SELECT
  @entity_id('OSS_DIRECTORY', 'collection', c.collection_name) AS collection_id,
  @sha256_base64('OSS_DIRECTORY' || 'oso' || c.collection_name) AS oso_id,
  @directory_source(c.directory) AS collection_source,
  'oso' AS collection_namespace,
  c.collection_name,
  c.display_name,
  c.description,
  COALESCE(n.project_count, 0) AS project_count
FROM staging.stg_oss_directory__collections AS c
LEFT JOIN counts AS n ON n.collection_id = @entity_id('OSS_DIRECTORY', 'collection', c.collection_name)
WHERE c.valid_to IS NULL
