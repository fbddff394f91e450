"""The SIMULATED parts of a cluster: volumes.py, the network in network.py, and the programs Flipt, Prometheus and InfluxDB."""
