"""A fleet on one machine: real engine, real Kubernetes API servers, real Argo CD; SIMULATED clouds and pods.

`regions sandbox --help` lists what it does. Nothing of the program imports this package.
"""
