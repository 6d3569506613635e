-- The same raw rows and the same marts as ours, as a competent analyst would write them for DuckDB: one script, rebuilt from nothing
-- each time. `{hours}` is the pattern of the hour files, `{out}` the folder of Parquet, `{as_of}` the as-of date, `{seeds}` the folder of
-- seeds; the tables `entries` (project, owner, repository or null) and `collection_projects` (collection, project) come from the YAML files.
-- Where it does less: README.md.

-- Raw: the whole record beside the promoted fields, by day.
COPY (
  WITH split AS (
    SELECT json AS record, filename, json_extract_string(json, ['$.id', '$.type', '$.created_at', '$.actor', '$.actor.id', '$.actor.login',
      '$.repo.id', '$.repo.name', '$.repository.owner', '$.repository.name', '$.payload.action', '$.payload.ref', '$.payload.number',
      '$.payload.pull_request.number', '$.payload.issue.number', '$.payload.pull_request.merged', '$.payload.pull_request.merged_at',
      '$.payload.pull_request.user.id', '$.payload.pull_request.user.login', '$.payload.release.published_at', '$.payload.commits',
      '$.payload.shas']) AS f
    FROM read_ndjson_objects('{hours}', ignore_errors = true, filename = true)
  ), formed AS (
    SELECT *, f[1] IS NULL AND f[7] IS NULL AND f[8] IS NULL AND (f[4] IS NULL OR NOT starts_with(f[4], '{{')) AS is_old,
      try_cast(replace(f[3], '/', '-') AS TIMESTAMPTZ) AS created_at
    FROM split
  )
  SELECT coalesce(f[1], sha256(record)) AS record_id, f[2] AS record_type, created_at, CAST(created_at AS DATE) AS created_date,
    CASE WHEN NOT is_old THEN try_cast(f[5] AS BIGINT) END AS actor_id, CASE WHEN is_old THEN f[4] ELSE f[6] END AS actor_login,
    try_cast(f[7] AS BIGINT) AS repository_id, CASE WHEN is_old THEN f[9] || '/' || f[10] ELSE f[8] END AS repository_name,
    f[11] AS action, f[12] AS ref,
    CASE WHEN f[2] = 'PushEvent' THEN
      CASE WHEN is_old THEN json_extract_string(f[22], '$[*][0]') ELSE json_extract_string(f[21], '$[*].sha') END END AS commit_shas,
    try_cast(coalesce(f[13], f[14], f[15]) AS BIGINT) AS number, try_cast(f[16] AS BOOLEAN) AS is_merged,
    try_cast(f[17] AS TIMESTAMPTZ) AS merged_at, try_cast(f[18] AS BIGINT) AS opened_by_id, f[19] AS opened_by_login,
    try_cast(f[20] AS TIMESTAMPTZ) AS published_at, record, filename
  FROM formed
  WHERE coalesce(f[2], '') <> '' AND year(created_at) BETWEEN 1970 AND 9998 AND (is_old OR coalesce(f[1], '') <> '')
    AND len(list_filter([f[5], f[7], f[13], f[14], f[15], f[18]], lambda x: x IS NOT NULL AND (try_cast(x AS BIGINT) IS NULL OR contains(x, '.')))) = 0
) TO '{out}/raw' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, PARTITION_BY (created_date), WRITE_PARTITION_COLUMNS);

CREATE TABLE bots AS SELECT login FROM read_csv('{seeds}/bot_logins.csv', header = true);

CREATE TABLE records AS
SELECT * EXCLUDE (actor_login, repository_name, opened_by_login),
  lower(actor_login) AS actor_login, lower(repository_name) AS repository_name, lower(opened_by_login) AS opened_by_login,
  CASE WHEN repository_id IS NOT NULL THEN 'repository' || chr(31) || repository_id ELSE 'repository_name' || chr(31) || lower(repository_name) END AS repository_key,
  CASE WHEN actor_id IS NOT NULL THEN 'account' || chr(31) || actor_id ELSE 'account_name' || chr(31) || lower(actor_login) END AS actor_key,
  CASE WHEN opened_by_id IS NOT NULL THEN 'account' || chr(31) || opened_by_id ELSE 'account_name' || chr(31) || lower(opened_by_login) END AS opener_key
FROM (SELECT * EXCLUDE (record, filename) FROM read_parquet('{out}/raw/**/*.parquet', hive_partitioning = false));

-- Names, and who bore them when.
CREATE TABLE names AS
SELECT kind, number, name, min(created_at) AS first_seen, max(created_at) AS last_seen
FROM (
  SELECT 'repository' AS kind, repository_id AS number, repository_name AS name, created_at FROM records
  UNION ALL SELECT 'account', actor_id, actor_login, created_at FROM records
  UNION ALL SELECT 'account', opened_by_id, opened_by_login, created_at FROM records
)
WHERE name IS NOT NULL
GROUP BY ALL;

CREATE TABLE bearers AS
SELECT kind, name, first_seen, min(number) AS number FROM names WHERE number IS NOT NULL GROUP BY ALL;

CREATE TABLE first_bearers AS
SELECT kind, name, arg_min(number, first_seen) AS number FROM bearers GROUP BY ALL;

CREATE TABLE artifacts AS
WITH keyed AS (
  SELECT kind, kind AS canonical_kind, number::VARCHAR AS key, number::VARCHAR AS canonical_key,
    arg_max(name, (last_seen, name)) AS name
  FROM names WHERE number IS NOT NULL GROUP BY kind, number
  UNION ALL
  SELECT n.kind || '_name', CASE WHEN coalesce(b.number, f.number) IS NULL THEN n.kind || '_name' ELSE n.kind END, n.name,
    coalesce(b.number::VARCHAR, f.number::VARCHAR, n.name), n.name
  FROM (SELECT * FROM names WHERE number IS NULL) AS n
  ASOF LEFT JOIN bearers AS b ON b.kind = n.kind AND b.name = n.name AND b.first_seen <= n.last_seen
  LEFT JOIN first_bearers AS f ON f.kind = n.kind AND f.name = n.name
)
SELECT kind || chr(31) || key AS artifact_key, kind, key, name, sha256('GITHUB' || chr(31) || kind || chr(31) || key) AS artifact_id,
  canonical_kind || chr(31) || canonical_key AS canonical_artifact_key,
  sha256('GITHUB' || chr(31) || canonical_kind || chr(31) || canonical_key) AS canonical_artifact_id
FROM keyed;

-- Numbers instead of 64 characters while computing.
CREATE TABLE numbers AS
SELECT canonical_artifact_id AS id, row_number() OVER ()::INTEGER AS n FROM (SELECT DISTINCT canonical_artifact_id FROM artifacts);
CREATE TABLE keys AS
SELECT a.artifact_key, x.n FROM artifacts AS a JOIN numbers AS x ON x.id = a.canonical_artifact_id;

CREATE TABLE logins AS
SELECT login, CASE WHEN login = '' THEN 'unknown'
  WHEN login LIKE '%[bot]' OR login LIKE '%-bot' OR login IN (SELECT b.login FROM bots AS b) THEN 'bot' ELSE 'human' END AS actor_kind
FROM (SELECT actor_login AS login FROM records UNION SELECT opened_by_login FROM records) WHERE login IS NOT NULL;

-- Events.
CREATE TABLE numbered AS
SELECT r.*, t.n AS to_n, a.n AS from_n, coalesce(l.actor_kind, 'unknown') AS actor_kind
FROM records AS r
JOIN keys AS t ON t.artifact_key = r.repository_key
LEFT JOIN keys AS a ON a.artifact_key = r.actor_key
LEFT JOIN logins AS l ON l.login = r.actor_login;

CREATE TABLE events AS
WITH openings AS (
  SELECT to_n, number, arg_min(from_n, (created_at, record_id)) AS from_n, arg_min(actor_kind, (created_at, record_id)) AS actor_kind
  FROM numbered WHERE record_type = 'PullRequestEvent' AND action = 'opened' GROUP BY ALL
), typed AS (
  SELECT created_date, created_at, record_id, to_n, from_n, actor_kind,
    CASE record_type
      WHEN 'IssuesEvent' THEN CASE action WHEN 'opened' THEN 'ISSUE_OPENED' WHEN 'closed' THEN 'ISSUE_CLOSED' WHEN 'reopened' THEN 'ISSUE_REOPENED' END
      WHEN 'PullRequestEvent' THEN CASE action WHEN 'opened' THEN 'PULL_REQUEST_OPENED' WHEN 'closed' THEN 'PULL_REQUEST_CLOSED'
        WHEN 'merged' THEN 'PULL_REQUEST_CLOSED' WHEN 'reopened' THEN 'PULL_REQUEST_REOPENED' END
      WHEN 'PullRequestReviewEvent' THEN 'PULL_REQUEST_REVIEW'
      WHEN 'PullRequestReviewCommentEvent' THEN 'PULL_REQUEST_REVIEW_COMMENT'
      WHEN 'IssueCommentEvent' THEN 'ISSUE_COMMENT'
      WHEN 'CommitCommentEvent' THEN 'COMMIT_COMMENT'
      WHEN 'ReleaseEvent' THEN CASE action WHEN 'published' THEN 'RELEASE_PUBLISHED' END
      WHEN 'WatchEvent' THEN CASE action WHEN 'started' THEN 'STARRED' END
      WHEN 'ForkEvent' THEN 'FORKED' END AS event_type,
    CASE WHEN record_type = 'ReleaseEvent' THEN coalesce(published_at, created_at) ELSE created_at END AS time,
    CASE WHEN record_type = 'PullRequestEvent' AND action = 'merged'
      THEN number || '@' || strftime(created_at, '%Y-%m-%dT%H:%M:%SZ') ELSE record_id END AS event_source_id
  FROM numbered
  UNION ALL
  SELECT r.created_date, r.created_at, r.record_id, r.to_n, CASE WHEN r.action = 'closed' THEN k.n ELSE o.from_n END,
    coalesce(CASE WHEN r.action = 'closed' THEN l.actor_kind ELSE o.actor_kind END, 'unknown'), 'PULL_REQUEST_MERGED',
    CASE WHEN r.action = 'closed' THEN coalesce(r.merged_at, r.created_at) ELSE r.created_at END,
    CASE WHEN r.action = 'closed' THEN r.record_id ELSE r.number || '@' || strftime(r.created_at, '%Y-%m-%dT%H:%M:%SZ') END
  FROM numbered AS r
  LEFT JOIN keys AS k ON k.artifact_key = r.opener_key
  LEFT JOIN logins AS l ON l.login = r.opened_by_login
  LEFT JOIN openings AS o ON r.action = 'merged' AND o.to_n = r.to_n AND o.number = r.number
  WHERE r.record_type = 'PullRequestEvent' AND (r.action = 'merged' OR (r.action = 'closed' AND r.is_merged))
)
SELECT time, event_type, event_source_id, to_n, from_n, actor_kind, 1.0::DOUBLE AS amount
FROM typed
WHERE event_type IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY created_date, event_type, to_n, event_source_id ORDER BY created_at, record_id) = 1
UNION ALL
SELECT created_at, 'COMMIT_CODE', sha, to_n, from_n, actor_kind, 1.0::DOUBLE
FROM (
  SELECT *, unnest(commit_shas) AS sha FROM numbered
  WHERE record_type = 'PushEvent' AND ref IN ('refs/heads/main', 'refs/heads/master')
)
QUALIFY row_number() OVER (PARTITION BY to_n, sha ORDER BY created_at, record_id) = 1;

CREATE TABLE events_daily AS
SELECT CAST(time AS DATE) AS day, event_type, to_n, from_n, actor_kind, sum(amount) AS amount, count(*) AS event_count
FROM events GROUP BY ALL;

-- Membership: a repository's name leads to its last bearer, an owner to all repositories whose current name is that owner's.
CREATE TABLE memberships AS
SELECT e.project, coalesce(k.n, -1) AS to_n
FROM entries AS e
LEFT JOIN (SELECT name, arg_max(number, (first_seen, -number)) AS number FROM bearers WHERE kind = 'repository' GROUP BY ALL) AS b
  ON b.name = e.owner || '/' || e.repository
LEFT JOIN keys AS k ON k.artifact_key = coalesce('repository' || chr(31) || b.number, 'repository_name' || chr(31) || e.owner || '/' || e.repository)
WHERE e.repository IS NOT NULL
UNION
SELECT e.project, k.n
FROM entries AS e
JOIN artifacts AS a ON a.kind IN ('repository', 'repository_name') AND a.artifact_id = a.canonical_artifact_id AND split_part(a.name, '/', 1) = e.owner
JOIN keys AS k ON k.artifact_key = a.artifact_key
WHERE e.repository IS NULL;
DELETE FROM memberships WHERE to_n = -1;

CREATE TABLE members_of AS
SELECT *, dense_rank() OVER (ORDER BY level, entity_id)::INTEGER AS entity
FROM (
  SELECT DISTINCT 'artifact' AS level, x.id AS entity_id, m.to_n FROM memberships AS m JOIN numbers AS x ON x.n = m.to_n
  UNION ALL
  SELECT DISTINCT 'project', sha256('OSS_DIRECTORY' || chr(31) || 'project' || chr(31) || project), to_n FROM memberships
  UNION ALL
  SELECT DISTINCT 'collection', sha256('OSS_DIRECTORY' || chr(31) || 'collection' || chr(31) || collection), to_n
  FROM collection_projects JOIN memberships USING (project)
);
CREATE TABLE entity_ids AS SELECT DISTINCT entity, level, entity_id FROM members_of;

-- Measures: people and artifacts that count once in a window (members), and what adds up (additive).
CREATE TABLE daily AS
SELECT m.entity, v.no_bots, d.day, d.event_type, d.to_n, d.from_n, d.amount
FROM events_daily AS d JOIN members_of AS m USING (to_n) CROSS JOIN (VALUES (false), (true)) AS v(no_bots)
WHERE d.day <= DATE '{as_of}' AND (NOT v.no_bots OR d.actor_kind <> 'bot');

CREATE TABLE members AS
SELECT DISTINCT entity, no_bots, 'active_developers' AS measure, from_n AS member, day FROM daily
WHERE event_type = 'COMMIT_CODE' AND from_n IS NOT NULL
UNION ALL
SELECT DISTINCT entity, no_bots, 'contributors', from_n, day FROM daily
WHERE event_type IN ('COMMIT_CODE', 'ISSUE_OPENED', 'PULL_REQUEST_OPENED', 'PULL_REQUEST_MERGED') AND from_n IS NOT NULL
UNION ALL
SELECT DISTINCT entity, no_bots, 'repositories', to_n, day FROM daily
WHERE event_type = 'COMMIT_CODE' OR event_type IN ('ISSUE_OPENED', 'ISSUE_CLOSED', 'ISSUE_REOPENED', 'ISSUE_COMMENT') OR event_type LIKE 'PULL_REQUEST_%';

CREATE TABLE additive AS
SELECT entity, no_bots, measure, day, sum(amount)::DOUBLE AS amount
FROM daily JOIN (VALUES ('STARRED', 'stars'), ('FORKED', 'forks'), ('RELEASE_PUBLISHED', 'releases'), ('COMMIT_CODE', 'commits'),
  ('ISSUE_OPENED', 'issues_opened'), ('ISSUE_CLOSED', 'issues_closed'), ('PULL_REQUEST_OPENED', 'pull_requests_opened'),
  ('PULL_REQUEST_MERGED', 'pull_requests_merged'), ('ISSUE_COMMENT', 'comments'), ('COMMIT_COMMENT', 'comments'),
  ('PULL_REQUEST_REVIEW_COMMENT', 'comments'), ('PULL_REQUEST_REVIEW', 'reviews')) AS t(event_type, measure) USING (event_type)
GROUP BY ALL
UNION ALL
SELECT entity, no_bots, CASE measure WHEN 'contributors' THEN 'contributor_active_days' ELSE 'developer_active_days' END, day, count(*)::DOUBLE
FROM members WHERE measure <> 'repositories' GROUP BY ALL
UNION ALL
SELECT entity, no_bots, 'new_contributors', day, count(*)::DOUBLE
FROM (SELECT entity, no_bots, member, min(day) AS day FROM members WHERE measure = 'contributors' GROUP BY ALL) GROUP BY ALL;

CREATE TABLE windows AS FROM (VALUES ('daily', 'day'), ('weekly', 'week'), ('monthly', 'month'), ('quarterly', 'quarter'), ('yearly', 'year')) AS t(period, unit);
CREATE TABLE rolling AS FROM (VALUES (7), (30), (90), (180)) AS t(days);

-- Calendar windows.
CREATE MACRO first_day(unit, day) AS CASE unit WHEN 'day' THEN day WHEN 'week' THEN date_trunc('week', day)::DATE WHEN 'month' THEN date_trunc('month', day)::DATE
  WHEN 'quarter' THEN date_trunc('quarter', day)::DATE ELSE date_trunc('year', day)::DATE END;
CREATE MACRO length_of(unit, first) AS CAST(date_diff('day', first, CAST(first + CASE unit WHEN 'month' THEN INTERVAL 1 MONTH WHEN 'quarter' THEN INTERVAL 3 MONTH ELSE INTERVAL 1 YEAR END AS DATE)) AS INTEGER);

CREATE TABLE calendar AS
WITH person AS (
  SELECT entity, no_bots, measure, period, unit, first_day(unit, day) AS sample_date, member, count(*) AS days
  FROM members CROSS JOIN windows GROUP BY ALL
)
SELECT entity, no_bots, measure, period, first_day(unit, day) AS sample_date, sum(amount) AS amount FROM additive CROSS JOIN windows GROUP BY ALL
UNION ALL
SELECT entity, no_bots, measure, period, sample_date, count(*)::DOUBLE FROM person GROUP BY ALL
UNION ALL
SELECT entity, no_bots, CASE WHEN 3 * days >= length_of(unit, sample_date) THEN 'full_time_developers' ELSE 'part_time_developers' END AS measure,
  period, sample_date, count(*)::DOUBLE
FROM person WHERE measure = 'active_developers' AND unit IN ('month', 'quarter', 'year') GROUP BY ALL;

-- Rolling windows, as steps: +1 where a member comes, -1 where the window has left it behind.
CREATE TABLE changes AS
WITH neighbours AS (
  SELECT entity, no_bots, measure, member, day, lag(day) OVER w AS before, lead(day) OVER w AS after
  FROM members WINDOW w AS (PARTITION BY entity, no_bots, measure, member ORDER BY day)
), people AS (
  SELECT entity, no_bots, measure, days, day, count(*) AS change FROM neighbours CROSS JOIN rolling WHERE before IS NULL OR before + days <= day GROUP BY ALL
  UNION ALL
  SELECT entity, no_bots, measure, days, day + days, -count(*) FROM neighbours CROSS JOIN rolling WHERE after IS NULL OR after >= day + days GROUP BY ALL
), counted AS (
  SELECT entity, no_bots, member, days, day + x.shift * days AS day, sum(1 - 2 * x.shift) AS change
  FROM members CROSS JOIN rolling CROSS JOIN (VALUES (0), (1)) AS x(shift)
  WHERE measure = 'active_developers' AND days >= 30 GROUP BY ALL
), running AS (
  SELECT *, sum(change) OVER (PARTITION BY entity, no_bots, member, days ORDER BY day) AS active FROM counted
), full_time AS (
  SELECT entity, no_bots, days, day, sum((3 * active >= days)::INT - (3 * (active - change) >= days)::INT) AS change FROM running GROUP BY ALL HAVING change <> 0
)
SELECT entity, no_bots, measure, days, day, change::DOUBLE AS change FROM people
UNION ALL SELECT entity, no_bots, 'part_time_developers', days, day, change FROM people WHERE measure = 'active_developers' AND days >= 30
UNION ALL SELECT entity, no_bots, 'full_time_developers', days, day, change FROM full_time
UNION ALL SELECT entity, no_bots, 'part_time_developers', days, day, -change FROM full_time
UNION ALL SELECT entity, no_bots, measure, days, day + x.shift * days, amount * (1 - 2 * x.shift) FROM additive CROSS JOIN rolling CROSS JOIN (VALUES (0), (1)) AS x(shift);

CREATE TABLE steps AS
WITH summed AS (
  SELECT entity, no_bots, measure, days, day, sum(change) AS change FROM changes WHERE day <= DATE '{as_of}' GROUP BY ALL HAVING change <> 0
), valued AS (
  SELECT entity, no_bots, measure, days, day, sum(change) OVER w AS amount, lead(day) OVER w AS next_day
  FROM summed WINDOW w AS (PARTITION BY entity, no_bots, measure, days ORDER BY day)
), months AS (
  SELECT unnest(generate_series(date_trunc('month', min(day)), DATE '{as_of}', INTERVAL 1 MONTH))::DATE AS month_start FROM daily
)
SELECT entity, no_bots, measure, days, day AS sample_date, amount FROM valued
UNION ALL
SELECT entity, no_bots, measure, days, month_start, amount
FROM valued JOIN months ON month_start > day AND month_start < coalesce(next_day, DATE '{as_of}' + 1)
WHERE amount <> 0;

CREATE TABLE series AS
WITH named AS (
  SELECT entity, 'github_' || measure || CASE WHEN no_bots THEN '_no_bots_' ELSE '_' END || period AS metric_name, sample_date, amount FROM calendar
  UNION ALL
  SELECT entity, 'github_' || measure || CASE WHEN no_bots THEN '_no_bots_' ELSE '_' END || 'rolling_' || days || '_days', sample_date, amount FROM steps
)
SELECT level, entity_id, metric_name, sample_date, amount FROM named JOIN entity_ids USING (entity);

CREATE TABLE key_metrics AS
WITH values AS (
  SELECT entity, 'github_' || measure || CASE WHEN no_bots THEN '_no_bots_' ELSE '_' END || 'over_all_time' AS metric_name, sum(amount) AS amount
  FROM additive GROUP BY ALL
  UNION ALL
  SELECT entity, 'github_' || measure || CASE WHEN no_bots THEN '_no_bots_' ELSE '_' END || 'over_all_time', count(DISTINCT member)::DOUBLE
  FROM members GROUP BY ALL
  UNION ALL
  SELECT entity, 'github_' || measure || CASE WHEN no_bots THEN '_no_bots_' ELSE '_' END || 'rolling_' || days || '_days', arg_max(amount, sample_date)
  FROM steps GROUP BY entity, measure, no_bots, days
)
SELECT level, entity_id, metric_name, DATE '{as_of}' AS sample_date, amount FROM values JOIN entity_ids USING (entity) WHERE amount <> 0;

-- Periods: how much of each was loaded.
CREATE TABLE metric_periods AS
WITH hours AS (
  SELECT strptime(regexp_extract(file, '(\d+-\d+-\d+)-\d+\.json', 1), '%Y-%m-%d')::DATE AS day, count(*) * 3600 AS loaded_seconds
  FROM glob('{hours}') AS t(file) GROUP BY ALL
), days AS (
  SELECT unnest(generate_series((SELECT min(day) FROM daily), DATE '{as_of}', INTERVAL 1 DAY))::DATE AS day
), spans AS (
  SELECT DISTINCT period, first_day(unit, day) AS sample_date, first_day(unit, day) AS first,
    first_day(unit, day) + CASE unit WHEN 'day' THEN 1 WHEN 'week' THEN 7 ELSE length_of(unit, first_day(unit, day)) END AS finish
  FROM days CROSS JOIN windows
  UNION ALL
  SELECT 'rolling_' || r.days || '_days', day, day - r.days + 1, day + 1 FROM days CROSS JOIN rolling AS r
), covered AS (
  SELECT period, sample_date, first, finish, coalesce(sum(loaded_seconds), 0) / any_value(86400.0 * (finish - first)) AS coverage
  FROM spans LEFT JOIN hours ON day >= first AND day < finish GROUP BY period, sample_date, first, finish
), gaps AS (
  SELECT CAST(gap_start AS DATE) AS gap_start, CAST(gap_end AS DATE) AS gap_end FROM read_csv('{seeds}/source_gaps.csv', all_varchar = true)
), names AS (
  SELECT DISTINCT 'github_' || measure || b.suffix || period AS metric_name, period
  FROM (SELECT DISTINCT measure FROM calendar) CROSS JOIN (SELECT DISTINCT period FROM spans) CROSS JOIN (VALUES ('_'), ('_no_bots_')) AS b(suffix)
)
SELECT metric_name, sample_date, finish - 1 <= DATE '{as_of}' AS is_period_complete, coverage,
  EXISTS (SELECT 1 FROM gaps WHERE gap_start < finish AND (gap_end IS NULL OR gap_end > first)) AS is_degraded
FROM covered JOIN names USING (period);

-- Marts as Parquet.
COPY (
  SELECT time, event_type, 'GITHUB' AS event_source, event_source_id, t.id AS to_artifact_id, f.id AS from_artifact_id, actor_kind, amount
  FROM events AS e JOIN numbers AS t ON t.n = e.to_n LEFT JOIN numbers AS f ON f.n = e.from_n
) TO '{out}/events.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (
  SELECT day AS bucket_date, event_type, 'GITHUB' AS event_source, t.id AS to_artifact_id, f.id AS from_artifact_id, actor_kind, amount, event_count
  FROM events_daily AS e JOIN numbers AS t ON t.n = e.to_n LEFT JOIN numbers AS f ON f.n = e.from_n
) TO '{out}/events_daily.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (
  WITH seen AS (
    SELECT n, min(time) AS first_event_at, max(time) AS last_event_at
    FROM (SELECT to_n AS n, time FROM events UNION ALL SELECT from_n, time FROM events WHERE from_n IS NOT NULL) GROUP BY ALL
  )
  SELECT a.artifact_id, a.kind, a.key, a.name, a.canonical_artifact_id, s.first_event_at, s.last_event_at
  FROM artifacts AS a LEFT JOIN numbers AS x ON x.id = a.artifact_id LEFT JOIN seen AS s ON s.n = x.n
) TO '{out}/artifacts.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (SELECT * EXCLUDE level FROM series WHERE level = 'artifact') TO '{out}/series_artifact.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (SELECT * EXCLUDE level FROM series WHERE level = 'project') TO '{out}/series_project.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (SELECT * EXCLUDE level FROM series WHERE level = 'collection') TO '{out}/series_collection.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (SELECT * EXCLUDE level FROM key_metrics WHERE level = 'artifact') TO '{out}/key_metrics_artifact.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (SELECT * EXCLUDE level FROM key_metrics WHERE level = 'project') TO '{out}/key_metrics_project.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (SELECT * EXCLUDE level FROM key_metrics WHERE level = 'collection') TO '{out}/key_metrics_collection.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY metric_periods TO '{out}/metric_periods.parquet' (COMPRESSION zstd, COMPRESSION_LEVEL 1);
COPY (SELECT project, x.id AS artifact_id FROM memberships AS m JOIN numbers AS x ON x.n = m.to_n) TO '{out}/memberships.parquet';
