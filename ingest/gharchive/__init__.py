"""GH Archive: hour files of GitHub's public events.

Upstream https://www.gharchive.org/, files `https://data.gharchive.org/YYYY-MM-DD-H.json.gz`; any fsspec address of such files will do.
Licence: CC-BY-4.0 for the archive, content by GitHub's users. Rate limit: none stated; hours are fetched one after the other.

Known gaps: events were lost from 2025-05-23 and fell about 100 times in October 2025; since 2025-10-07 pushes list no commits; earlier ones list
20 at most; before 2015 records carry neither id nor repository number. They stand in the seed `source_gaps`.

The way of an hour: `hours` names it, `files` fetches it, `lines` unpacks it and hashes e-mails, `records` parses it, `package` makes loads.
"""
