"""The applications of gitops/apps that the rest of the project knows by name."""

CONDUCTOR = "conductor"
"""The application that moves the regions' branches."""
INFLUXDB = "influxdb"
"""The application that holds the customers' data."""
FLIPT = "flipt"
"""The application that serves feature flags, which it reads from git."""
