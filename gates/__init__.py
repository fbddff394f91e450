"""Gate tests: the checks that a region must pass before its commit counts as proven.

`python -m gates CHECK... --namespace NAME` checks a running region from inside of its cluster, by the objects in the
application's namespace and by the application's answers. Argo CD starts it after each sync (gitops/lib/gate.libsonnet).

checks.py judges (pure), region.py reads, runner.py runs the checks and repeats each until it passes or its time is over.
"""
