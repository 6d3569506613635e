MODEL (
  name staging.source_gaps,
  kind SEED (path '$root/seeds/source_gaps.csv'),
  columns (event_source TEXT, event_type TEXT, gap_start TEXT, gap_end TEXT, reason TEXT, url TEXT),
  grain (event_source, event_type, gap_start),
  description 'Known gaps of sources, as written down; times as text.'
);
