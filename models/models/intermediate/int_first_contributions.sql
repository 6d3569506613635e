MODEL (
  name intermediate.int_first_contributions,
  kind CUSTOM (
    materialization 'restated',
    materialization_properties (
      restates = '(entity_id, actor_id) IN (SELECT e.entity_id, t.actor_id FROM intermediate.int_touched AS t INNER JOIN intermediate.int_entity_artifacts AS e ON e.artifact_id = t.artifact_id) OR entity_id IN (SELECT entity_id FROM intermediate.int_changed_entities)',
      touches = 'INSERT INTO control.touched_firsts SELECT level, entity_id, event_source, actor_id, first_date, first_date_no_bots, @sign FROM @this WHERE @restates',
      month_of = 'first_date'
    )
  ),
  partitioned_by MONTH(first_date),
  columns (
    level TEXT, entity_id TEXT, event_source TEXT, actor_id TEXT, first_date DATE, first_date_no_bots DATE,
    first_commit_date DATE, first_commit_date_no_bots DATE
  ),
  grain (level, entity_id, event_source, actor_id),
  description 'When a person first contributed to an artifact, a project or a collection, up to the as-of date.',
  column_descriptions (
    level = 'artifact, project or collection',
    entity_id = 'the artifact, project or collection',
    event_source = 'the forge or network',
    actor_id = 'canonical actor',
    first_date = 'day of the first contribution',
    first_date_no_bots = 'the same, of contributions that are not a bot''s; null if all are',
    first_commit_date = 'day of the first commit; null without commits',
    first_commit_date_no_bots = 'the same, of commits that are not a bot''s'
  )
);

SELECT
  e.level,
  e.entity_id,
  d.event_source,
  d.actor_id,
  MIN(d.event_date) AS first_date,
  MIN(CASE WHEN d.actor_kind <> 'bot' THEN d.event_date END) AS first_date_no_bots,
  MIN(CASE WHEN d.is_commit THEN d.event_date END) AS first_commit_date,
  MIN(CASE WHEN d.is_commit AND d.actor_kind <> 'bot' THEN d.event_date END) AS first_commit_date_no_bots
FROM intermediate.int_actor_days AS d
INNER JOIN intermediate.int_entity_artifacts AS e ON e.artifact_id = d.artifact_id
WHERE
  d.event_date <= (SELECT as_of_date FROM control.run)
  AND @restated(
    (e.entity_id, d.actor_id) IN (
      SELECT m.entity_id, t.actor_id
      FROM intermediate.int_touched AS t
      INNER JOIN intermediate.int_entity_artifacts AS m ON m.artifact_id = t.artifact_id
    )
    OR e.entity_id IN (SELECT entity_id FROM intermediate.int_changed_entities)
  )
GROUP BY 1, 2, 3, 4
