-- A commit is one event over all days; of all else duplicates are looked for within the day of the records.
AUDIT (name unique_events);
SELECT event_source, event_type, to_artifact_id, event_source_id
FROM @this_model
WHERE @restated(
  record_date IN (SELECT record_date FROM control.changed_days)
  OR (record_date, to_artifact_id) IN (SELECT record_date, artifact_id FROM control.restated_cells),
  record_date,
  'SELECT record_date FROM control.changed_days UNION SELECT record_date FROM control.restated_cells'
)
GROUP BY 1, 2, 3, 4, CASE WHEN event_type <> 'COMMIT_CODE' THEN record_date END
HAVING COUNT(*) > 1;

AUDIT (name not_null_events);
SELECT *
FROM @this_model
WHERE
  (time IS NULL OR event_type IS NULL OR to_artifact_id IS NULL OR event_source_id IS NULL OR amount IS NULL)
  AND @restated(
    record_date IN (SELECT record_date FROM control.changed_days UNION SELECT record_date FROM control.restated_cells),
    record_date,
    'SELECT record_date FROM control.changed_days UNION SELECT record_date FROM control.restated_cells'
  );

AUDIT (name unique_samples);
SELECT metric_name, entity_id, sample_date
FROM @this_model
WHERE sample_date >= (SELECT audit_from FROM control.run)
GROUP BY 1, 2, 3
HAVING COUNT(*) > 1;

AUDIT (name unique_artifacts);
SELECT artifact_id
FROM @this_model
GROUP BY 1
HAVING COUNT(*) > 1;
