"""The daemon behind a sandbox, which owns every process, so that `down`, a crash or Ctrl-C leaves none behind.

    server.py     the daemon: git host, etcd, clusters and the Unix socket
    cluster.py    one region's control plane
    pki.py        the keys of a cluster
    api.py        a client of a cluster's API server
    pods.py       runs the programs of pods as host processes, in place of the kubelets
    programs.py   the containers that run for real
    steps.py      runs the steps of Argo Workflows
    simulated/    the SIMULATED parts: volumes, network, Flipt, Prometheus, InfluxDB

`sandbox.machine.supervisor_client` calls the daemon.
"""
