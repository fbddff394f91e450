"""The demo: regions from nothing, commits that roll over them or stop, and a table of it."""
