MODEL (
  name marts.model_lineage_v1,
  kind VIEW,
  columns (model_name TEXT, input_name TEXT, layer TEXT, source_sha256 TEXT, source_sql TEXT),
  grain (model_name, input_name),
  description 'What every model reads, and its own text, the same on every engine.',
  column_descriptions (
    model_name = 'the model',
    input_name = 'a table or model that it reads; empty if it reads none',
    layer = 'staging, intermediate or marts',
    source_sha256 = 'SHA-256 of source_sql',
    source_sql = 'the model''s text'
  )
);

SELECT
  model_name,
  input_name,
  layer,
  source_sha256,
  source_sql
FROM control.model_lineage
