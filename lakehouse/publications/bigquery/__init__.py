"""Publication to BigQuery: the marts as native tables of a dataset, moved from one whole release to another in one transaction.

`connection` owns Google's client and tells its errors as ours; `tables` says what a table looks like there, `staging` loads the release's own
Parquet files aside, `digest` has BigQuery compute their content digests, `statements` writes the transaction, `ledger` is the table `releases`
that says which release is shown, and `run` does one after the other. `external` shows the lake's own Iceberg files instead. `publication` is
the target.
"""
