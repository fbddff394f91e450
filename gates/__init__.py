"""Gate tests: what a region must show before its commit counts as proven.

`python -m gates CHECK... --namespace NAME` looks at a running region from inside of its cluster: at the objects in the
application's namespace, and at what the application answers. Argo CD starts it after each sync (gitops/lib/gate.libsonnet).

checks.py judges (pure), region.py reads, battery.py brings both together and tries again until the time is over.
"""
