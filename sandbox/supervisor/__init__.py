"""The daemon behind a sandbox: owns every process, so that `down`, a crash or Ctrl-C leaves none behind.

server.py listens on a Unix socket, client.py speaks to it; cluster.py is one region's control plane, pods.py, network.py and
volumes.py stand in for the nodes' kubelets, the cluster's network and the clouds' volume drivers.
"""
