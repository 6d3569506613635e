"""Publication to BigQuery, on its emulator."""
