"""The front service: what clients of a region talk to, a stateless layer before its InfluxDB.

`python -m front` passes InfluxDB's API on, as far as the region's feature flags allow it (docs/operate/flags.md). Its health
is on `/health` and `/ready`, its metrics are on `/metrics`, and its flags are on `/flags`.

flags.py keeps the flags' last known values, service.py serves, __main__.py brings both together.
"""
