"""The front service: what clients of a region talk to, a stateless layer before its InfluxDB.

`python -m front` passes InfluxDB's API on, and asks the region's feature flags what it may do (docs/flags.md). It says how it is
on `/health` and `/ready`, what it measures on `/metrics`, and which flags it goes by on `/flags`.

flags.py keeps the flags' last known values, service.py serves, __main__.py brings both together.
"""
