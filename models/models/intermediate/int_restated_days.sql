MODEL (
  name intermediate.int_restated_days,
  kind FULL,
  columns (record_date DATE),
  grain record_date,
  description 'Days of records whose events this run makes anew: days that a load changed, and those where a name leads elsewhere now, where a clone takes the place of pushes, where the first sight of a commit may have moved, or where the author of a merge became known.',
  column_descriptions (record_date = 'UTC day of the records')
);

WITH aliases AS (
  SELECT artifact_kind, artifact_key, canonical_kind, canonical_key
  FROM intermediate.int_artifacts
  WHERE artifact_id <> canonical_artifact_id
), changed_aliases AS (
  (SELECT * FROM aliases EXCEPT SELECT artifact_kind, artifact_key, canonical_kind, canonical_key FROM control.prior_aliases)
  UNION
  (SELECT artifact_kind, artifact_key, canonical_kind, canonical_key FROM control.prior_aliases EXCEPT SELECT * FROM aliases)
), clones AS (
  SELECT repository_url, canonical_kind, canonical_key FROM intermediate.int_git_repositories
), changed_clones AS (
  (SELECT * FROM clones EXCEPT SELECT repository_url, canonical_kind, canonical_key FROM control.prior_clones)
  UNION
  (SELECT repository_url, canonical_kind, canonical_key FROM control.prior_clones EXCEPT SELECT * FROM clones)
), first_days AS (
  SELECT record_date FROM control.changed_days
  UNION
  SELECT s.record_date
  FROM intermediate.int_sightings AS s
  INNER JOIN changed_aliases AS a ON a.artifact_kind = s.artifact_kind AND a.artifact_key = s.artifact_name
  UNION
  SELECT c.committed_date
  FROM staging.stg_git__commits AS c
  INNER JOIN changed_aliases AS a ON a.artifact_kind = c.author_kind AND a.artifact_key = c.author_artifact_key
  UNION
  SELECT c.committed_date
  FROM staging.stg_git__commits AS c
  INNER JOIN changed_clones AS k ON k.repository_url = c.repository_url
  UNION
  SELECT p.record_date
  FROM intermediate.int_push_commits AS p
  INNER JOIN intermediate.int_artifacts AS a ON a.artifact_kind = p.repository_kind AND a.artifact_key = p.repository_key
  INNER JOIN changed_clones AS k ON k.canonical_kind = a.canonical_kind AND k.canonical_key = a.canonical_key
), searched_days AS (
  SELECT record_date FROM first_days WHERE NOT (SELECT is_full FROM control.run)
), searched_shas AS (
  SELECT sha FROM intermediate.int_push_commits WHERE record_date IN (SELECT record_date FROM searched_days)
  UNION
  SELECT sha FROM control.removed_shas
), searched_numbers AS (
  SELECT number FROM intermediate.int_pull_requests
  WHERE action = 'opened' AND record_date IN (SELECT record_date FROM searched_days)
  UNION
  SELECT number FROM control.removed_pulls
)
SELECT record_date FROM first_days
UNION
SELECT record_date FROM intermediate.int_push_commits WHERE sha IN (SELECT sha FROM searched_shas)
UNION
SELECT record_date FROM intermediate.int_pull_requests
WHERE action = 'merged' AND number IN (SELECT number FROM searched_numbers)
