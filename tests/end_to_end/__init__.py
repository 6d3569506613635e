"""The whole chain, from source files to released values: what issue 3 wants to be shown."""
