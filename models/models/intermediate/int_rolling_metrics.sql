MODEL (
  name intermediate.int_rolling_metrics_by_@{level},
  blueprints ((level := 'artifact'), (level := 'project'), (level := 'collection')),
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      restates = 'sample_date >= (SELECT steps_from FROM control.run) OR (sample_date >= (SELECT MIN(sample_date) FROM intermediate.int_restated_periods WHERE level = ''@level'' AND window_name = ''daily'') AND entity_id IN (SELECT entity_id FROM intermediate.int_restated_periods WHERE level = ''@level'')) OR entity_id IN (SELECT entity_id FROM intermediate.int_changed_entities WHERE level = ''@level'')',
      month_of = 'sample_date'
    )
  ),
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
  SELECT
    as_of_date,
    CASE WHEN is_full THEN DATE '1970-01-01' ELSE steps_from END AS default_from,
    (
      SELECT MIN(sample_date) FROM intermediate.int_restated_periods
      WHERE level = @level AND window_name = 'daily'
    ) AS touched_from
  FROM control.run
), entities AS (
  SELECT
    e.entity_id, e.artifact_id,
    CASE
      WHEN NOT c.entity_id IS NULL THEN DATE '1970-01-01'
      WHEN NOT t.entity_id IS NULL THEN LEAST(r.touched_from, r.default_from)
      ELSE r.default_from
    END AS from_date
  FROM intermediate.int_entity_artifacts AS e
  CROSS JOIN run AS r
  LEFT JOIN (SELECT DISTINCT entity_id FROM intermediate.int_changed_entities WHERE level = @level) AS c ON c.entity_id = e.entity_id
  LEFT JOIN (SELECT DISTINCT entity_id FROM intermediate.int_restated_periods WHERE level = @level) AS t ON t.entity_id = e.entity_id
  WHERE e.level = @level
), froms AS (
  SELECT DISTINCT entity_id, from_date FROM entities
), lowest AS (
  SELECT @date_minus(MIN(from_date), 181) AS day FROM entities
), person_days AS (
  SELECT
    e.entity_id, d.event_source, d.actor_id AS member_id, d.event_date,
    MAX(CASE WHEN d.is_commit THEN 1 ELSE 0 END) AS commit_all,
    MAX(CASE WHEN d.is_commit AND d.actor_kind <> 'bot' THEN 1 ELSE 0 END) AS commit_no_bots,
    1 AS contribution_all,
    MAX(CASE WHEN d.actor_kind <> 'bot' THEN 1 ELSE 0 END) AS contribution_no_bots
  FROM intermediate.int_actor_days AS d
  INNER JOIN entities AS e ON e.artifact_id = d.artifact_id
  WHERE
    d.event_date <= (SELECT as_of_date FROM run)
    AND d.event_date >= (SELECT day FROM lowest)
    AND d.event_date >= @date_minus(e.from_date, 181)
  GROUP BY 1, 2, 3, 4
), person_flags AS (
  SELECT p.entity_id, p.event_source, p.member_id, p.event_date, f.is_commits, f.is_no_bots
  FROM person_days AS p
  CROSS JOIN (VALUES (TRUE, FALSE), (TRUE, TRUE), (FALSE, FALSE), (FALSE, TRUE)) AS f(is_commits, is_no_bots)
  WHERE
    (CASE WHEN f.is_commits
      THEN CASE WHEN f.is_no_bots THEN p.commit_no_bots ELSE p.commit_all END
      ELSE CASE WHEN f.is_no_bots THEN p.contribution_no_bots ELSE p.contribution_all END END) = 1
), artifact_days AS (
  SELECT e.entity_id, d.event_source, d.artifact_id, d.event_date, d.event_type, d.actor_kind, d.amount
  FROM intermediate.int_artifact_days AS d
  INNER JOIN entities AS e ON e.artifact_id = d.artifact_id
  WHERE
    d.event_date <= (SELECT as_of_date FROM run)
    AND d.event_date >= (SELECT day FROM lowest)
    AND d.event_date >= @date_minus(e.from_date, 181)
), members AS (
  SELECT f.entity_id, f.event_source, p.measure, f.is_no_bots, f.member_id, f.event_date
  FROM person_flags AS f
  INNER JOIN @people_measures(people) ON p.is_commits = f.is_commits
  UNION ALL
  SELECT DISTINCT d.entity_id, d.event_source, p.measure, n.is_no_bots, d.artifact_id, d.event_date
  FROM artifact_days AS d
  CROSS JOIN (VALUES (FALSE), (TRUE)) AS n(is_no_bots)
  CROSS JOIN @people_measures(targets)
  WHERE @target_condition() AND (NOT n.is_no_bots OR d.actor_kind <> 'bot')
), neighbours AS (
  SELECT
    entity_id, event_source, measure, is_no_bots, event_date,
    LAG(event_date) OVER (PARTITION BY entity_id, event_source, measure, is_no_bots, member_id ORDER BY event_date) AS previous_date,
    LEAD(event_date) OVER (PARTITION BY entity_id, event_source, measure, is_no_bots, member_id ORDER BY event_date) AS next_date
  FROM members
), additive AS (
  SELECT d.entity_id, d.event_source, s.measure, n.is_no_bots, d.event_date, SUM(d.amount) AS amount
  FROM artifact_days AS d
  INNER JOIN @sum_measures() ON s.event_type = d.event_type
  CROSS JOIN (VALUES (FALSE), (TRUE)) AS n(is_no_bots)
  WHERE NOT n.is_no_bots OR d.actor_kind <> 'bot'
  GROUP BY 1, 2, 3, 4, 5
  UNION ALL
  SELECT f.entity_id, f.event_source, p.measure, f.is_no_bots, f.event_date, CAST(COUNT(*) AS DOUBLE)
  FROM person_flags AS f
  INNER JOIN @people_measures(active_days) ON p.is_commits = f.is_commits
  GROUP BY 1, 2, 3, 4, 5
  UNION ALL
  SELECT c.entity_id, c.event_source, p.measure, n.is_no_bots, CASE WHEN n.is_no_bots THEN c.first_date_no_bots ELSE c.first_date END, CAST(COUNT(*) AS DOUBLE)
  FROM intermediate.int_first_contributions AS c
  INNER JOIN froms AS e ON e.entity_id = c.entity_id
  CROSS JOIN (VALUES (FALSE), (TRUE)) AS n(is_no_bots)
  CROSS JOIN @people_measures(first)
  WHERE c.level = @level AND CASE WHEN n.is_no_bots THEN c.first_date_no_bots ELSE c.first_date END >= @date_minus(e.from_date, 181)
  GROUP BY 1, 2, 3, 4, 5
), commit_counts AS (
  SELECT
    f.entity_id, f.event_source, f.is_no_bots, f.member_id, w.window_name, w.window_days,
    CASE WHEN x.change = 1 THEN f.event_date ELSE @date_plus(f.event_date, w.window_days) END AS day,
    SUM(x.change) AS change
  FROM person_flags AS f
  CROSS JOIN @rolling_window_days()
  CROSS JOIN (VALUES (1), (-1)) AS x(change)
  WHERE f.is_commits AND @is_share_window(w.window_name)
  GROUP BY 1, 2, 3, 4, 5, 6, 7
), running_counts AS (
  SELECT
    entity_id, event_source, is_no_bots, window_name, window_days, day, change,
    SUM(change) OVER (
      PARTITION BY entity_id, event_source, is_no_bots, member_id, window_name ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS active_days
  FROM commit_counts
), shares AS (
  SELECT
    entity_id, event_source, is_no_bots, window_name, day,
    CASE WHEN 3 * active_days >= window_days THEN 1 ELSE 0 END
      - CASE WHEN 3 * (active_days - change) >= window_days THEN 1 ELSE 0 END AS full_time,
    CASE WHEN active_days > 0 AND 3 * active_days < window_days THEN 1 ELSE 0 END
      - CASE WHEN active_days - change > 0 AND 3 * (active_days - change) < window_days THEN 1 ELSE 0 END AS part_time
  FROM running_counts
), changes AS (
  SELECT a.entity_id, a.event_source, a.measure, a.is_no_bots, w.window_name, a.event_date AS day, a.amount AS change
  FROM additive AS a
  CROSS JOIN @rolling_window_days()
  UNION ALL
  SELECT a.entity_id, a.event_source, a.measure, a.is_no_bots, w.window_name, @date_plus(a.event_date, w.window_days), -a.amount
  FROM additive AS a
  CROSS JOIN @rolling_window_days()
  UNION ALL
  SELECT n.entity_id, n.event_source, n.measure, n.is_no_bots, w.window_name, n.event_date, CAST(COUNT(*) AS DOUBLE)
  FROM neighbours AS n
  CROSS JOIN @rolling_window_days()
  WHERE n.previous_date IS NULL OR @date_plus(n.previous_date, w.window_days) <= n.event_date
  GROUP BY 1, 2, 3, 4, 5, 6
  UNION ALL
  SELECT n.entity_id, n.event_source, n.measure, n.is_no_bots, w.window_name, @date_plus(n.event_date, w.window_days), CAST(-COUNT(*) AS DOUBLE)
  FROM neighbours AS n
  CROSS JOIN @rolling_window_days()
  WHERE n.next_date IS NULL OR n.next_date >= @date_plus(n.event_date, w.window_days)
  GROUP BY 1, 2, 3, 4, 5, 6
  UNION ALL
  SELECT s.entity_id, s.event_source, v.measure, s.is_no_bots, s.window_name, s.day,
    CAST(SUM(CASE WHEN v.is_full_time THEN s.full_time ELSE s.part_time END) AS DOUBLE)
  FROM shares AS s
  CROSS JOIN @share_measures()
  GROUP BY 1, 2, 3, 4, 5, 6
), daily AS (
  SELECT
    c.entity_id, c.event_source, c.measure, c.is_no_bots, c.window_name, f.from_date,
    GREATEST(c.day, @date_minus(f.from_date, 1)) AS day,
    SUM(c.change) AS change
  FROM changes AS c
  INNER JOIN froms AS f ON f.entity_id = c.entity_id
  WHERE c.day <= (SELECT as_of_date FROM run)
  GROUP BY 1, 2, 3, 4, 5, 6, 7
), valued AS (
  SELECT
    entity_id, event_source, measure, is_no_bots, window_name, from_date, day,
    SUM(change) OVER (
      PARTITION BY entity_id, event_source, measure, is_no_bots, window_name ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS amount,
    LEAD(day) OVER (PARTITION BY entity_id, event_source, measure, is_no_bots, window_name ORDER BY day) AS next_day
  FROM daily
  WHERE change <> 0
), rows_kept AS (
  SELECT entity_id, event_source, measure, is_no_bots, window_name, day AS sample_date, amount
  FROM valued
  WHERE day >= from_date
  UNION ALL
  SELECT v.entity_id, v.event_source, v.measure, v.is_no_bots, v.window_name, m.month_start, v.amount
  FROM valued AS v
  INNER JOIN control.months AS m
    ON m.month_start > v.day AND m.month_start < COALESCE(v.next_day, @date_plus((SELECT as_of_date FROM run), 1))
  WHERE v.amount <> 0
)
SELECT
  @metric_name(event_source, measure, is_no_bots, window_name) AS metric_name,
  entity_id,
  sample_date,
  amount,
  event_source,
  measure,
  is_no_bots,
  window_name
FROM rows_kept
