MODEL (
  name intermediate.int_changed_entities,
  kind FULL,
  columns (level TEXT, entity_id TEXT),
  grain (level, entity_id),
  description 'Entities whose artifacts are not those of the transformation before: their series are computed anew, from the small tables of days.',
  column_descriptions (level = 'artifact, project or collection', entity_id = 'the artifact, project or collection')
);

SELECT DISTINCT level, entity_id
FROM (
  (SELECT level, entity_id, artifact_id FROM intermediate.int_entity_artifacts
  EXCEPT SELECT level, entity_id, artifact_id FROM control.prior_entity_artifacts)
  UNION ALL
  (SELECT level, entity_id, artifact_id FROM control.prior_entity_artifacts
  EXCEPT SELECT level, entity_id, artifact_id FROM intermediate.int_entity_artifacts)
) AS changed
WHERE NOT (SELECT is_full FROM control.run)
