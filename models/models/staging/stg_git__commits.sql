MODEL (
  name staging.stg_git__commits,
  kind VIEW,
  columns (
    repository_url TEXT, repository_host TEXT, repository_name TEXT, event_source TEXT, repository_key TEXT, sha TEXT,
    committed_at TIMESTAMPTZ, committed_date DATE, author_login TEXT, author_source TEXT, author_kind TEXT, author_artifact_key TEXT
  ),
  description 'Commits that the HEAD of a cloned repository reaches; the author as an artifact: account by number, by login, or the keyed hash of the address.',
  grain (repository_url, sha)
);

SELECT
  c.repository_url,
  c.repository_host,
  c.repository_name,
  CASE c.repository_host
    WHEN 'github.com' THEN 'GITHUB'
    WHEN 'gitlab.com' THEN 'GITLAB'
    WHEN 'codeberg.org' THEN 'CODEBERG'
    WHEN 'bitbucket.org' THEN 'BITBUCKET'
    ELSE 'GIT'
  END AS event_source,
  CASE WHEN c.repository_host IN ('github.com', 'gitlab.com', 'codeberg.org', 'bitbucket.org')
    THEN c.repository_name ELSE c.repository_host || '/' || c.repository_name
  END AS repository_key,
  c.sha,
  c.committed_at,
  CAST(c.committed_at AS DATE) AS committed_date,
  LOWER(c.author_login) AS author_login,
  CASE
    WHEN NOT COALESCE(c.author_account_id, k.account_id) IS NULL THEN 'GITHUB'
    WHEN NOT c.author_login IS NULL THEN 'GITHUB'
    ELSE 'GIT'
  END AS author_source,
  CASE
    WHEN NOT COALESCE(c.author_account_id, k.account_id) IS NULL THEN 'account'
    WHEN NOT c.author_login IS NULL THEN 'account_name'
    ELSE 'author'
  END AS author_kind,
  COALESCE(CAST(COALESCE(c.author_account_id, k.account_id) AS VARCHAR), LOWER(c.author_login), c.author_key) AS author_artifact_key
FROM pinned.git__commits AS c
LEFT JOIN staging.known_authors AS k
  ON k.author_address = c.author_address
