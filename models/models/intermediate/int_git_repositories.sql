MODEL (
  name intermediate.int_git_repositories,
  kind FULL,
  columns (repository_url TEXT, event_source TEXT, repository_key TEXT, canonical_kind TEXT, canonical_key TEXT),
  grain repository_url,
  description 'Repositories whose clone is loaded: their commits come from git alone. A clone belongs to the repository that bears its name now.',
  column_descriptions (
    repository_url = 'normalised address of the remote',
    event_source = 'GITHUB, GITLAB, CODEBERG, BITBUCKET or GIT',
    repository_key = 'owner/name, with the host for other forges',
    canonical_kind = 'repository where its number is known, else repository_name',
    canonical_key = 'number or name'
  )
);

WITH clones AS (
  SELECT DISTINCT repository_url, event_source, repository_key
  FROM staging.stg_git__commits
), ranked AS (
  SELECT
    c.*, b.artifact_number,
    ROW_NUMBER() OVER (PARTITION BY c.repository_url ORDER BY b.first_seen_at DESC NULLS LAST, b.artifact_number) AS position
  FROM clones AS c
  LEFT JOIN intermediate.int_artifact_names AS b
    ON c.event_source = 'GITHUB' AND b.artifact_kind = 'repository' AND b.artifact_name = c.repository_key
)
SELECT
  repository_url, event_source, repository_key,
  CASE WHEN artifact_number IS NULL THEN 'repository_name' ELSE 'repository' END AS canonical_kind,
  COALESCE(CAST(artifact_number AS VARCHAR), repository_key) AS canonical_key
FROM ranked
WHERE position = 1
