MODEL (
  name intermediate.int_rolling_metrics_by_@{level},
  blueprints ((level := 'artifact'), (level := 'project'), (level := 'collection')),
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      restates = 'sample_date >= (SELECT steps_from FROM control.run) OR sample_date >= (SELECT MIN(r.restated_date) FROM (SELECT entity_id AS restated_id, sample_date AS restated_date FROM intermediate.int_restated_periods WHERE level = ''@level'' AND window_name = ''daily'') AS r WHERE r.restated_id = entity_id) OR entity_id IN (SELECT entity_id FROM intermediate.int_changed_entities WHERE level = ''@level'')',
      begins = 'CREATE OR REPLACE TABLE control.steps_before_@level AS SELECT s.entity_id, s.event_source, s.measure, s.is_no_bots, s.window_name, s.sample_date, s.amount FROM @this AS s INNER JOIN intermediate.int_restated_entities AS e ON e.level = ''@level'' AND e.part = ''before'' AND e.entity_id = s.entity_id WHERE s.sample_date BETWEEN CAST(DATE_TRUNC(''month'', e.first_date - INTERVAL ''1'' DAY) AS DATE) AND e.until_date',
      month_of = 'sample_date',
      staged = 'part_artifacts, edges, changed_actor_days, people, person_flags, artifact_days, neighbours, activity, additive, full_time, valued'
    )
  ),
  partitioned_by MONTH(sample_date),
  physical_properties (sorted_by = ARRAY['entity_id', 'metric_name']),
  columns (metric_name TEXT, entity_id TEXT, sample_date DATE, amount DOUBLE, event_source TEXT, measure TEXT, is_no_bots BOOLEAN, window_name TEXT),
  grain (metric_name, entity_id, sample_date),
  audits (unique_samples),
  description 'Values of rolling windows of an entity, kept as steps: a row at each day where the value differs from that of the day before, and on each first of a month where it is not 0.',
  column_descriptions (
    metric_name = 'event source, measure and window',
    entity_id = 'the entity',
    sample_date = 'last day of the window',
    amount = 'the value; it holds until the next row, or the as-of date',
    event_source = 'the forge or network',
    measure = 'what is measured',
    is_no_bots = 'whether bots are left out',
    window_name = 'the window'
  )
);

WITH run AS (
  SELECT as_of_date, CASE WHEN is_full THEN DATE '1970-01-01' ELSE steps_from END AS default_from FROM control.run
), parts AS (
  SELECT entity_id, entity_number, part_number, part, first_date, from_date, days_from, until_date
  FROM intermediate.int_restated_entities
  WHERE level = @level
), part_artifacts AS (
  SELECT p.part_number, p.part, p.from_date, p.days_from, p.until_date, e.artifact_id
  FROM intermediate.int_entity_artifacts AS e
  INNER JOIN parts AS p ON p.entity_id = e.entity_id
  WHERE e.level = @level
), event_days AS (
  SELECT DISTINCT event_date AS day FROM intermediate.int_artifact_days
), edges AS (
  SELECT DISTINCT f.from_date, d.day
  FROM (SELECT DISTINCT from_date FROM parts WHERE part = 'now') AS f
  CROSS JOIN run AS r
  CROSS JOIN @edge_days()
  INNER JOIN event_days AS d
    ON d.day BETWEEN @date_minus(f.from_date, w.window_days) AND @date_minus(r.as_of_date, w.window_days)
), lowest AS (
  SELECT MIN(days_from) AS day FROM part_artifacts
), actor_days AS (
  SELECT artifact_id, event_source, actor_id, event_date, actor_kind, is_commit
  FROM intermediate.int_actor_days
  WHERE event_date BETWEEN (SELECT day FROM lowest) AND (SELECT as_of_date FROM run)
), changed_actor_days AS (
  SELECT artifact_id, event_source, actor_id, event_date, actor_kind, is_commit, SUM(sign) AS sign
  FROM control.touched_actor_days
  WHERE event_date < (SELECT default_from FROM run)
  GROUP BY 1, 2, 3, 4, 5, 6
  HAVING SUM(sign) <> 0
), actor_days_before AS (
  (SELECT artifact_id, event_source, actor_id, event_date, actor_kind, is_commit
  FROM actor_days
  WHERE actor_id IN (SELECT actor_id FROM changed_actor_days)
  EXCEPT SELECT artifact_id, event_source, actor_id, event_date, actor_kind, is_commit FROM changed_actor_days WHERE sign > 0)
  UNION ALL
  SELECT artifact_id, event_source, actor_id, event_date, actor_kind, is_commit FROM changed_actor_days WHERE sign < 0
), people AS (
  SELECT DISTINCT e.part_number, d.event_source, d.actor_id
  FROM actor_days AS d
  INNER JOIN part_artifacts AS e ON e.artifact_id = d.artifact_id
  INNER JOIN edges AS x ON x.from_date = e.from_date AND x.day = d.event_date
  WHERE e.part = 'now'
  UNION ALL
  SELECT DISTINCT e.part_number, c.event_source, c.actor_id
  FROM changed_actor_days AS c
  INNER JOIN part_artifacts AS e ON e.artifact_id = c.artifact_id
  WHERE e.part <> 'now'
), actors AS (
  SELECT actor_id, ROW_NUMBER() OVER (ORDER BY actor_id) AS member_number
  FROM (SELECT DISTINCT actor_id FROM people) AS distinct_actors
), person_days AS (
  SELECT
    e.part_number, d.event_source, a.member_number, d.event_date,
    MAX(CASE WHEN d.is_commit THEN 1 ELSE 0 END) AS commit_all,
    MAX(CASE WHEN d.is_commit AND d.actor_kind <> 'bot' THEN 1 ELSE 0 END) AS commit_no_bots,
    MAX(CASE WHEN d.actor_kind <> 'bot' THEN 1 ELSE 0 END) AS contribution_no_bots
  FROM (
    SELECT FALSE AS is_before, artifact_id, event_source, actor_id, event_date, actor_kind, is_commit FROM actor_days
    UNION ALL
    SELECT TRUE, artifact_id, event_source, actor_id, event_date, actor_kind, is_commit FROM actor_days_before
  ) AS d
  INNER JOIN part_artifacts AS e ON e.artifact_id = d.artifact_id AND (e.part = 'before') = d.is_before
  INNER JOIN people AS x ON x.part_number = e.part_number AND x.event_source = d.event_source AND x.actor_id = d.actor_id
  INNER JOIN actors AS a ON a.actor_id = d.actor_id
  WHERE d.event_date BETWEEN e.days_from AND e.until_date
  GROUP BY 1, 2, 3, 4
), person_flags AS (
  SELECT p.part_number, p.event_source, p.member_number, p.event_date, f.is_commits, f.is_no_bots
  FROM person_days AS p
  CROSS JOIN (VALUES (TRUE, FALSE), (TRUE, TRUE), (FALSE, FALSE), (FALSE, TRUE)) AS f(is_commits, is_no_bots)
  WHERE CASE WHEN f.is_commits AND f.is_no_bots THEN p.commit_no_bots WHEN f.is_commits THEN p.commit_all
      WHEN f.is_no_bots THEN p.contribution_no_bots ELSE 1 END = 1
), changed_artifact_days AS (
  SELECT artifact_id, event_source, event_date, event_type, actor_kind, amount, SUM(sign) AS sign
  FROM control.touched_artifact_days
  WHERE event_date < (SELECT default_from FROM run)
  GROUP BY 1, 2, 3, 4, 5, 6
  HAVING SUM(sign) <> 0
), artifact_days AS (
  SELECT e.part_number, d.event_source, d.artifact_id, d.event_date, d.event_type, d.actor_kind, d.amount
  FROM intermediate.int_artifact_days AS d
  INNER JOIN part_artifacts AS e ON e.artifact_id = d.artifact_id
  INNER JOIN edges AS x ON x.from_date = e.from_date AND x.day = d.event_date
  WHERE e.part = 'now' AND d.event_date BETWEEN (SELECT day FROM lowest) AND (SELECT as_of_date FROM run)
  UNION ALL
  SELECT e.part_number, c.event_source, c.artifact_id, c.event_date, c.event_type, c.actor_kind, c.amount
  FROM changed_artifact_days AS c
  INNER JOIN part_artifacts AS e ON e.artifact_id = c.artifact_id AND e.part = CASE WHEN c.sign > 0 THEN 'after' ELSE 'before' END
), changed_targets AS (
  SELECT artifact_id, event_source, event_date, event_type, actor_kind, amount, sign FROM changed_artifact_days WHERE @target_condition()
), target_days AS (
  SELECT artifact_id, event_source, event_date, event_type, actor_kind, amount
  FROM intermediate.int_artifact_days
  WHERE event_date BETWEEN (SELECT day FROM lowest) AND (SELECT as_of_date FROM run) AND @target_condition()
), target_days_before AS (
  (SELECT artifact_id, event_source, event_date, event_type, actor_kind, amount
  FROM target_days
  WHERE artifact_id IN (SELECT artifact_id FROM changed_targets)
  EXCEPT SELECT artifact_id, event_source, event_date, event_type, actor_kind, amount FROM changed_targets WHERE sign > 0)
  UNION ALL
  SELECT artifact_id, event_source, event_date, event_type, actor_kind, amount FROM changed_targets WHERE sign < 0
), targets AS (
  SELECT part_number, event_source, artifact_id FROM artifact_days WHERE @target_condition()
  UNION
  SELECT e.part_number, c.event_source, c.artifact_id
  FROM changed_targets AS c
  INNER JOIN part_artifacts AS e ON e.artifact_id = c.artifact_id
  WHERE e.part <> 'now'
), edge_targets AS (
  SELECT part_number, event_source, artifact_id, ROW_NUMBER() OVER (ORDER BY part_number, event_source, artifact_id) AS member_number
  FROM targets
), members AS (
  SELECT f.part_number, f.event_source, p.measure_number, f.is_no_bots, f.member_number, f.event_date
  FROM person_flags AS f
  INNER JOIN @people_measures(people) ON p.is_commits = f.is_commits
  UNION ALL
  SELECT DISTINCT e.part_number, d.event_source, p.measure_number, n.is_no_bots, x.member_number, d.event_date
  FROM (
    SELECT FALSE AS is_before, artifact_id, event_source, event_date, actor_kind FROM target_days
    UNION ALL
    SELECT TRUE, artifact_id, event_source, event_date, actor_kind FROM target_days_before
  ) AS d
  INNER JOIN part_artifacts AS e ON e.artifact_id = d.artifact_id AND (e.part = 'before') = d.is_before
  INNER JOIN edge_targets AS x ON x.part_number = e.part_number AND x.event_source = d.event_source AND x.artifact_id = d.artifact_id
  CROSS JOIN (VALUES (FALSE), (TRUE)) AS n(is_no_bots)
  CROSS JOIN @people_measures(targets)
  WHERE d.event_date BETWEEN e.days_from AND e.until_date AND (NOT n.is_no_bots OR d.actor_kind <> 'bot')
), neighbours AS (
  SELECT
    part_number, event_source, measure_number, is_no_bots, event_date,
    LAG(event_date) OVER (PARTITION BY part_number, event_source, measure_number, is_no_bots, member_number ORDER BY event_date) AS previous_date,
    LEAD(event_date) OVER (PARTITION BY part_number, event_source, measure_number, is_no_bots, member_number ORDER BY event_date) AS next_date
  FROM members
), activity AS (
  SELECT n.part_number, n.event_source, n.measure_number, n.is_no_bots, w.window_days, n.event_date AS day, CAST(COUNT(*) AS DOUBLE) AS change
  FROM neighbours AS n
  CROSS JOIN @rolling_window_days()
  WHERE n.previous_date IS NULL OR @date_plus(n.previous_date, w.window_days) <= n.event_date
  GROUP BY 1, 2, 3, 4, 5, 6
  UNION ALL
  SELECT n.part_number, n.event_source, n.measure_number, n.is_no_bots, w.window_days, @date_plus(n.event_date, w.window_days), CAST(-COUNT(*) AS DOUBLE)
  FROM neighbours AS n
  CROSS JOIN @rolling_window_days()
  WHERE n.next_date IS NULL OR n.next_date >= @date_plus(n.event_date, w.window_days)
  GROUP BY 1, 2, 3, 4, 5, 6
), additive AS (
  SELECT d.part_number, d.event_source, s.measure_number, n.is_no_bots, d.event_date, SUM(d.amount) AS amount
  FROM artifact_days AS d
  INNER JOIN @sum_measures() ON s.event_type = d.event_type
  CROSS JOIN (VALUES (FALSE), (TRUE)) AS n(is_no_bots)
  WHERE NOT n.is_no_bots OR d.actor_kind <> 'bot'
  GROUP BY 1, 2, 3, 4, 5
  UNION ALL
  SELECT f.part_number, f.event_source, p.measure_number, f.is_no_bots, f.event_date, CAST(COUNT(*) AS DOUBLE)
  FROM person_flags AS f
  INNER JOIN @people_measures(active_days) ON p.is_commits = f.is_commits
  GROUP BY 1, 2, 3, 4, 5
  UNION ALL
  SELECT
    e.part_number, c.event_source, p.measure_number, n.is_no_bots,
    CASE WHEN n.is_no_bots THEN c.first_date_no_bots ELSE c.first_date END, CAST(SUM(c.sign) AS DOUBLE)
  FROM (
    SELECT 'now' AS part, entity_id, event_source, first_date, first_date_no_bots, 1 AS sign
    FROM intermediate.int_first_contributions
    WHERE level = @level
    UNION ALL
    SELECT 'after', entity_id, event_source, first_date, first_date_no_bots, sign FROM control.touched_firsts WHERE level = @level
  ) AS c
  INNER JOIN parts AS e ON e.entity_id = c.entity_id AND e.part = c.part
  CROSS JOIN (VALUES (FALSE), (TRUE)) AS n(is_no_bots)
  CROSS JOIN @people_measures(first)
  WHERE CASE WHEN n.is_no_bots THEN c.first_date_no_bots ELSE c.first_date END >= e.days_from
  GROUP BY 1, 2, 3, 4, 5
), candidates AS (
  SELECT part_number, event_source, is_no_bots, member_number, COUNT(*) AS commit_days FROM person_flags WHERE is_commits GROUP BY 1, 2, 3, 4
), commit_counts AS (
  SELECT
    f.part_number, f.event_source, f.is_no_bots, f.member_number, w.window_days,
    CASE WHEN x.change = 1 THEN f.event_date ELSE @date_plus(f.event_date, w.window_days) END AS day,
    SUM(x.change) AS change
  FROM candidates AS c
  INNER JOIN person_flags AS f
    ON f.is_commits AND f.part_number = c.part_number AND f.event_source = c.event_source AND f.is_no_bots = c.is_no_bots
    AND f.member_number = c.member_number
  CROSS JOIN @rolling_window_days()
  CROSS JOIN (VALUES (1), (-1)) AS x(change)
  WHERE @share_window_days(w.window_days) AND 3 * c.commit_days >= w.window_days
  GROUP BY 1, 2, 3, 4, 5, 6
), running_counts AS (
  SELECT
    part_number, event_source, is_no_bots, window_days, day, change,
    SUM(change) OVER (
      PARTITION BY part_number, event_source, is_no_bots, member_number, window_days ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS active_days
  FROM commit_counts
), full_time AS (
  SELECT
    part_number, event_source, is_no_bots, window_days, day,
    CAST(SUM(CASE WHEN 3 * active_days >= window_days THEN 1 ELSE 0 END
      - CASE WHEN 3 * (active_days - change) >= window_days THEN 1 ELSE 0 END) AS DOUBLE) AS change
  FROM running_counts
  GROUP BY 1, 2, 3, 4, 5
), changes AS (
  SELECT a.part_number, a.event_source, a.measure_number, a.is_no_bots, w.window_days, a.event_date AS day, a.amount AS change
  FROM additive AS a
  CROSS JOIN @rolling_window_days()
  UNION ALL
  SELECT a.part_number, a.event_source, a.measure_number, a.is_no_bots, w.window_days, @date_plus(a.event_date, w.window_days), -a.amount
  FROM additive AS a
  CROSS JOIN @rolling_window_days()
  UNION ALL
  SELECT part_number, event_source, measure_number, is_no_bots, window_days, day, change FROM activity
  UNION ALL
  SELECT part_number, event_source, @share_number(at_least), is_no_bots, window_days, day, change FROM full_time
  UNION ALL
  SELECT part_number, event_source, @share_number(fewer), is_no_bots, window_days, day, -change FROM full_time
  UNION ALL
  SELECT a.part_number, a.event_source, @share_number(fewer), a.is_no_bots, a.window_days, a.day, a.change
  FROM activity AS a
  INNER JOIN @people_measures(people) ON p.is_commits AND p.measure_number = a.measure_number
  WHERE @share_window_days(a.window_days)
), entities AS (
  SELECT DISTINCT entity_id, entity_number, first_date FROM parts
), standing AS (
  SELECT
    f.entity_number, p.event_source, q.measure_number, p.is_no_bots, w.window_days, f.first_date, p.amount,
    ROW_NUMBER() OVER (PARTITION BY p.metric_name, p.entity_id ORDER BY p.sample_date DESC) AS position
  FROM intermediate.int_rolling_metrics_by_@{level} AS p
  INNER JOIN entities AS f ON f.entity_id = p.entity_id
  INNER JOIN @measure_numbers() ON q.measure = p.measure
  INNER JOIN @rolling_window_days() ON w.window_name = p.window_name
  WHERE
    p.sample_date < f.first_date AND p.sample_date >= CAST(DATE_TRUNC('month', @date_minus(f.first_date, 1)) AS DATE)
    AND p.sample_date >= (SELECT CAST(DATE_TRUNC('month', MIN(@date_minus(first_date, 1))) AS DATE) FROM entities)
), steps_before AS (
  SELECT
    f.entity_number, p.event_source, q.measure_number, p.is_no_bots, w.window_days, f.first_date, p.sample_date,
    p.amount - LAG(p.amount, 1, 0) OVER (
      PARTITION BY f.entity_number, p.event_source, q.measure_number, p.is_no_bots, w.window_days ORDER BY p.sample_date
    ) AS change
  FROM control.steps_before_@{level} AS p
  INNER JOIN entities AS f ON f.entity_id = p.entity_id
  INNER JOIN @measure_numbers() ON q.measure = p.measure
  INNER JOIN @rolling_window_days() ON w.window_name = p.window_name
), daily AS (
  SELECT entity_number, event_source, measure_number, is_no_bots, window_days, first_date, @date_minus(first_date, 1) AS day, amount AS change
  FROM standing
  WHERE position = 1
  UNION ALL
  SELECT
    m.entity_number, m.event_source, m.measure_number, m.is_no_bots, m.window_days, m.first_date, m.day, SUM(m.change)
  FROM (
    SELECT
      p.entity_number, c.event_source, c.measure_number, c.is_no_bots, c.window_days, p.first_date, c.day,
      CASE WHEN p.part = 'before' THEN -c.change ELSE c.change END AS change
    FROM changes AS c
    INNER JOIN parts AS p ON p.part_number = c.part_number
    WHERE c.day BETWEEN p.from_date AND p.until_date
    UNION ALL
    SELECT entity_number, event_source, measure_number, is_no_bots, window_days, first_date, sample_date, change
    FROM steps_before
    WHERE sample_date >= first_date AND sample_date <= (SELECT as_of_date FROM run)
  ) AS m
  GROUP BY 1, 2, 3, 4, 5, 6, 7
), valued AS (
  SELECT
    entity_number, event_source, measure_number, is_no_bots, window_days, first_date, day,
    SUM(change) OVER (
      PARTITION BY entity_number, event_source, measure_number, is_no_bots, window_days ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS amount,
    LEAD(day) OVER (PARTITION BY entity_number, event_source, measure_number, is_no_bots, window_days ORDER BY day) AS next_day
  FROM daily
  WHERE change <> 0
), rows_kept AS (
  SELECT entity_number, event_source, measure_number, is_no_bots, window_days, day AS sample_date, amount
  FROM valued
  WHERE day >= first_date
  UNION ALL
  SELECT v.entity_number, v.event_source, v.measure_number, v.is_no_bots, v.window_days, m.month_start, v.amount
  FROM valued AS v
  INNER JOIN control.months AS m
    ON m.month_start > v.day AND m.month_start < COALESCE(v.next_day, @date_plus((SELECT as_of_date FROM run), 1))
  WHERE v.amount <> 0
)
SELECT
  @metric_name(k.event_source, q.measure, k.is_no_bots, w.window_name) AS metric_name,
  f.entity_id, k.sample_date, k.amount, k.event_source, q.measure, k.is_no_bots, w.window_name
FROM rows_kept AS k
INNER JOIN entities AS f ON f.entity_number = k.entity_number
INNER JOIN @measure_numbers() ON q.measure_number = k.measure_number
INNER JOIN @rolling_window_days() ON w.window_days = k.window_days
