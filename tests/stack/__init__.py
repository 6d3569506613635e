"""Real servers: the models on Trino over an object store, an Iceberg REST catalog and PostgreSQL."""
