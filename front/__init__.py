"""The front service: a stateless proxy between the clients of a region and its InfluxDB.

`python -m front` forwards requests to InfluxDB's API, as far as the region's feature flags allow (docs/operate/flags.md).

- `/health` and `/ready`: the service's health
- `/metrics`: the service's metrics
- `/flags`: the values of the feature flags

flags.py caches the flags' last known values, service.py serves, __main__.py starts both.
"""
