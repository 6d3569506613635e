"""Sources and loader: everything that turns upstream records into raw Iceberg tables."""
