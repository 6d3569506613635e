"""What writers and readers agree on: settings, errors, storage, the Iceberg catalog, declared datasets, releases."""
