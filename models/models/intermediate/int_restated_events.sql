MODEL (
  name intermediate.int_restated_events,
  kind FULL,
  columns (record_date DATE, to_artifact_id TEXT, from_artifact_id TEXT),
  grain (record_date, to_artifact_id, from_artifact_id),
  description 'Which events this run makes anew beside those of days that a load changed: those of a day and an artifact whose name leads elsewhere now, where a clone takes the place of pushes, where the first sight of a commit may have moved, or where the author of a merge became known; and all events of an actor whose name leads elsewhere now.',
  column_descriptions (
    record_date = 'UTC day of the records; null for an actor''s events of any day',
    to_artifact_id = 'what they happened to; null for an actor''s events',
    from_artifact_id = 'who did them; null for an artifact''s events'
  )
);

WITH aliases AS (
  SELECT artifact_kind, artifact_key, canonical_kind, canonical_key
  FROM intermediate.int_artifacts
  WHERE artifact_kind <> canonical_kind OR artifact_key <> canonical_key
), changed_aliases AS (
  SELECT artifact_kind, artifact_key, canonical_kind, canonical_key
  FROM (
    SELECT artifact_kind, artifact_key, canonical_kind, canonical_key FROM aliases
    UNION ALL
    SELECT artifact_kind, artifact_key, canonical_kind, canonical_key FROM control.prior_aliases
  ) AS before_and_after
  GROUP BY 1, 2, 3, 4
  HAVING COUNT(*) = 1
), ends AS (
  SELECT DISTINCT a.artifact_kind, a.artifact_key, e.artifact_id
  FROM changed_aliases AS a
  CROSS JOIN UNNEST(ARRAY[
    @entity_id('GITHUB', a.canonical_kind, a.canonical_key), @entity_id('GITHUB', a.artifact_kind, a.artifact_key)
  ]) AS e(artifact_id)
), changed_clones AS (
  SELECT repository_url, canonical_kind, canonical_key
  FROM (
    SELECT repository_url, canonical_kind, canonical_key FROM intermediate.int_git_repositories
    UNION ALL
    SELECT repository_url, canonical_kind, canonical_key FROM control.prior_clones
  ) AS before_and_after
  GROUP BY 1, 2, 3
  HAVING COUNT(*) = 1
), repositories AS (
  SELECT artifact_kind, artifact_key, canonical_artifact_id
  FROM intermediate.int_artifacts
  WHERE artifact_source = 'GITHUB' AND artifact_kind IN ('repository', 'repository_name')
), first_cells AS (
  SELECT s.record_date, e.artifact_id
  FROM intermediate.int_sightings AS s
  INNER JOIN ends AS e ON e.artifact_kind = s.artifact_kind AND e.artifact_key = s.artifact_name
  WHERE s.artifact_kind = 'repository_name'
  UNION
  SELECT c.committed_date, @entity_id(c.event_source, k.canonical_kind, k.canonical_key)
  FROM staging.stg_git__commits AS c
  INNER JOIN changed_clones AS k ON k.repository_url = c.repository_url
  UNION
  SELECT p.record_date, r.canonical_artifact_id
  FROM intermediate.int_push_commits AS p
  INNER JOIN repositories AS r ON r.artifact_kind = p.repository_kind AND r.artifact_key = p.repository_key
  WHERE r.canonical_artifact_id IN (SELECT @entity_id('GITHUB', canonical_kind, canonical_key) FROM changed_clones)
), searched_commits AS (
  SELECT artifact_id, sha, MIN(from_date) AS from_date
  FROM (
    SELECT r.canonical_artifact_id AS artifact_id, p.sha, p.record_date AS from_date
    FROM intermediate.int_push_commits AS p
    INNER JOIN repositories AS r ON r.artifact_kind = p.repository_kind AND r.artifact_key = p.repository_key
    WHERE p.record_date IN (SELECT record_date FROM control.changed_days)
    UNION ALL
    SELECT r.canonical_artifact_id, p.sha, DATE '1970-01-01'
    FROM intermediate.int_push_commits AS p
    INNER JOIN repositories AS r ON r.artifact_kind = p.repository_kind AND r.artifact_key = p.repository_key
    WHERE p.sha IN (SELECT sha FROM control.removed_shas)
    UNION ALL
    SELECT e.artifact_id, p.sha, p.record_date
    FROM intermediate.int_push_commits AS p
    INNER JOIN ends AS e ON e.artifact_kind = p.repository_kind AND e.artifact_key = p.repository_key
  ) AS moved_sights
  GROUP BY 1, 2
), searched_openings AS (
  SELECT r.canonical_artifact_id AS artifact_id, p.number
  FROM intermediate.int_pull_requests AS p
  INNER JOIN repositories AS r ON r.artifact_kind = p.repository_kind AND r.artifact_key = p.repository_key
  WHERE p.action = 'opened' AND p.record_date IN (SELECT record_date FROM control.changed_days)
  UNION
  SELECT e.artifact_id, p.number
  FROM intermediate.int_pull_requests AS p
  INNER JOIN ends AS e ON e.artifact_kind = p.repository_kind AND e.artifact_key = p.repository_key
  WHERE p.action = 'opened'
), cells AS (
  SELECT record_date, artifact_id FROM first_cells
  UNION
  SELECT p.record_date, r.canonical_artifact_id
  FROM intermediate.int_push_commits AS p
  INNER JOIN repositories AS r ON r.artifact_kind = p.repository_kind AND r.artifact_key = p.repository_key
  INNER JOIN searched_commits AS s ON s.sha = p.sha AND s.artifact_id = r.canonical_artifact_id
  WHERE p.record_date > s.from_date
  UNION
  SELECT p.record_date, r.canonical_artifact_id
  FROM intermediate.int_pull_requests AS p
  INNER JOIN repositories AS r ON r.artifact_kind = p.repository_kind AND r.artifact_key = p.repository_key
  LEFT JOIN searched_openings AS o ON o.number = p.number AND o.artifact_id = r.canonical_artifact_id
  WHERE p.action = 'merged' AND (NOT o.number IS NULL OR p.number IN (SELECT number FROM control.removed_pulls))
)
SELECT record_date, artifact_id AS to_artifact_id, CAST(NULL AS VARCHAR) AS from_artifact_id
FROM cells
WHERE NOT record_date IN (SELECT record_date FROM control.changed_days) AND NOT (SELECT is_full FROM control.run)
UNION ALL
SELECT DISTINCT CAST(NULL AS DATE), CAST(NULL AS VARCHAR), artifact_id
FROM ends
WHERE artifact_kind = 'account_name' AND NOT (SELECT is_full FROM control.run)
