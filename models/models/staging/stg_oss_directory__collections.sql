MODEL (
  name staging.stg_oss_directory__collections,
  kind VIEW,
  columns (
    directory TEXT, collection_name TEXT, display_name TEXT, description TEXT, project_names ARRAY(VARCHAR), valid_from TIMESTAMPTZ,
    valid_to TIMESTAMPTZ, directory_commit TEXT
  ),
  description 'Versions of collections; where two directories hold a slug, those of the later directory.',
  grain (collection_name, valid_from)
);

SELECT
  directory,
  collection_name,
  display_name,
  description,
  project_names,
  valid_from,
  valid_to,
  directory_commit
FROM (
  SELECT
    c.*,
    MAX(directory_position) OVER (PARTITION BY collection_name) AS winning_position
  FROM pinned.oss_directory__collections AS c
) AS ranked
WHERE directory_position = winning_position
