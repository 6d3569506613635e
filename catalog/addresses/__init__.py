"""From the addresses that people write to the artifacts that they name; the directory's loader and the API's look-ups read them alike."""
