MODEL (
  name marts.metrics_v1,
  kind VIEW,
  columns (
    metric_id TEXT, metric_name TEXT, event_source TEXT, measure TEXT, window_name TEXT, includes_bots BOOLEAN, display_name TEXT,
    description TEXT, unit TEXT, definition_sql TEXT, event_types TEXT
  ),
  grain metric_name,
  description 'Every metric: its name, unit and definition.',
  column_descriptions (
    metric_id = 'SHA-256 of OSSLAKE, metric and the name',
    metric_name = '<event source>_<measure>[_no_bots]_<window>',
    event_source = 'the forge or network whose events it looks at',
    measure = 'what is measured',
    window_name = 'daily, ..., rolling_180_days, over_all_time',
    includes_bots = 'whether events of bots count',
    display_name = 'name for people',
    description = 'what it says',
    unit = 'of its values',
    definition_sql = 'a query over events_daily_v1 that gives its value; :artifact_ids, :first_day and :last_day are to be filled in',
    event_types = 'types of events that it looks at, joined by |'
  )
);

WITH sources AS (
  SELECT 'GITHUB' AS event_source
  UNION
  SELECT event_source FROM intermediate.int_git_repositories
)
SELECT
  @entity_id('OSSLAKE', 'metric', @metric_name(s.event_source, c.measure, NOT c.includes_bots, c.window_name)) AS metric_id,
  @metric_name(s.event_source, c.measure, NOT c.includes_bots, c.window_name) AS metric_name,
  s.event_source,
  c.measure,
  c.window_name,
  c.includes_bots,
  c.display_name,
  c.description,
  c.unit,
  REPLACE(c.definition_sql, ':event_source', s.event_source) AS definition_sql,
  c.event_types
FROM sources AS s
CROSS JOIN @metric_catalogue()
