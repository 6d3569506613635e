MODEL (
  name staging.stg_gharchive__events,
  kind VIEW,
  columns (
    record_id TEXT, record_type TEXT, created_at TIMESTAMPTZ, created_date DATE, actor_id BIGINT, actor_login TEXT, repository_id BIGINT,
    repository_name TEXT, action TEXT, ref TEXT, commit_shas ARRAY(VARCHAR), number BIGINT, is_merged BOOLEAN, merged_at TIMESTAMPTZ,
    opened_by_id BIGINT, opened_by_login TEXT, published_at TIMESTAMPTZ, repository_kind TEXT, repository_key TEXT, actor_artifact_kind TEXT,
    actor_key TEXT, opened_by_kind TEXT, opened_by_key TEXT, _source_file TEXT, _source_line BIGINT
  ),
  description 'Records of GH Archive with names lower-case; all three record forms alike.',
  grain (record_id, _source_file, _source_line)
);

SELECT
  record_id,
  record_type,
  created_at,
  created_date,
  actor_id,
  LOWER(actor_login) AS actor_login,
  repository_id,
  LOWER(repository_name) AS repository_name,
  action,
  ref,
  commit_shas,
  number,
  COALESCE(is_merged, FALSE) AS is_merged,
  merged_at,
  opened_by_id,
  LOWER(opened_by_login) AS opened_by_login,
  published_at,
  CASE
    WHEN NOT repository_id IS NULL THEN 'repository'
    WHEN NOT repository_name IS NULL THEN 'repository_name'
  END AS repository_kind,
  COALESCE(CAST(repository_id AS VARCHAR), LOWER(repository_name)) AS repository_key,
  CASE
    WHEN NOT actor_id IS NULL THEN 'account'
    WHEN NOT actor_login IS NULL THEN 'account_name'
  END AS actor_artifact_kind,
  COALESCE(CAST(actor_id AS VARCHAR), LOWER(actor_login)) AS actor_key,
  CASE
    WHEN NOT opened_by_id IS NULL THEN 'account'
    WHEN NOT opened_by_login IS NULL THEN 'account_name'
  END AS opened_by_kind,
  COALESCE(CAST(opened_by_id AS VARCHAR), LOWER(opened_by_login)) AS opened_by_key,
  _source_file,
  _source_line
FROM pinned.gharchive__events
