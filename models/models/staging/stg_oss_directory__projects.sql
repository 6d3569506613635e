MODEL (
  name staging.stg_oss_directory__projects,
  kind VIEW,
  columns (
    directory TEXT, project_name TEXT, display_name TEXT, description TEXT, valid_from TIMESTAMPTZ, valid_to TIMESTAMPTZ,
    directory_commit TEXT
  ),
  description 'Versions of projects; where two directories hold a slug, those of the later directory.',
  grain (project_name, valid_from)
);

SELECT
  directory,
  project_name,
  display_name,
  description,
  valid_from,
  valid_to,
  directory_commit
FROM (
  SELECT
    p.*,
    MAX(directory_position) OVER (PARTITION BY project_name) AS winning_position
  FROM pinned.oss_directory__projects AS p
) AS ranked
WHERE directory_position = winning_position
