MODEL (
  name intermediate.int_restated_entities,
  kind FULL,
  columns (
    level TEXT, entity_id TEXT, entity_number BIGINT, part_number BIGINT, part TEXT, first_date DATE, from_date DATE, days_from DATE, until_date DATE
  ),
  grain (level, entity_id, part),
  description 'Which days of the rolling windows'' steps this run computes for each entity, and in which parts. `now`: from a day on, of everybody. Where days before changed, the steps of those days are kept, and moved by what the people and artifacts that changed made of them before (`before`, taken away) and make of them now (`after`, added). An entity whose artifacts changed is computed anew, and so is what changed where an attempt before this one may have moved the steps already.',
  column_descriptions (
    level = 'artifact, project or collection',
    entity_id = 'the artifact, project or collection',
    entity_number = 'number of the entity within the level',
    part_number = 'number of the part within the level',
    part = 'now, after or before',
    first_date = 'first day of which the entity''s steps may change',
    from_date = 'first day of the part',
    days_from = 'first day of which events count in the longest window of the part''s first day',
    until_date = 'last day of the part'
  )
);

WITH run AS (
  SELECT as_of_date, is_redone, CASE WHEN is_full THEN DATE '1970-01-01' ELSE steps_from END AS default_from FROM control.run
), touched AS (
  SELECT level, entity_id, MIN(sample_date) AS from_date FROM intermediate.int_restated_periods WHERE window_name = 'daily' GROUP BY 1, 2
), froms AS (
  SELECT
    e.level,
    e.entity_id,
    ROW_NUMBER() OVER (PARTITION BY e.level ORDER BY e.entity_id) AS entity_number,
    CASE WHEN NOT c.entity_id IS NULL THEN DATE '1970-01-01' ELSE LEAST(COALESCE(t.from_date, r.default_from), r.default_from) END AS first_date,
    c.entity_id IS NULL AND NOT r.is_redone AND COALESCE(t.from_date < r.default_from, FALSE) AS is_moved
  FROM (SELECT DISTINCT level, entity_id FROM intermediate.int_entity_artifacts) AS e
  CROSS JOIN run AS r
  LEFT JOIN intermediate.int_changed_entities AS c ON c.level = e.level AND c.entity_id = e.entity_id
  LEFT JOIN touched AS t ON t.level = e.level AND t.entity_id = e.entity_id
), parts AS (
  SELECT
    f.level, f.entity_id, f.entity_number, 3 * f.entity_number AS part_number, 'now' AS part, f.first_date,
    CASE WHEN f.is_moved THEN r.default_from ELSE f.first_date END AS from_date, r.as_of_date AS until_date
  FROM froms AS f
  CROSS JOIN run AS r
  UNION ALL
  SELECT
    f.level, f.entity_id, f.entity_number, 3 * f.entity_number + p.part_offset, p.part, f.first_date,
    f.first_date, LEAST(@date_minus(r.default_from, 1), r.as_of_date)
  FROM froms AS f
  CROSS JOIN run AS r
  CROSS JOIN (VALUES (1, 'after'), (2, 'before')) AS p(part_offset, part)
  WHERE f.is_moved
)
SELECT level, entity_id, entity_number, part_number, part, first_date, from_date, @date_minus(from_date, 181) AS days_from, until_date
FROM parts
