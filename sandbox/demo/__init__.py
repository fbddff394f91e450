"""The demo: regions from nothing, commits that roll over them or stop, and a table of it.

    scenario.py  the whole demo: commits on main, and the outcome of each
    bring_up.py  the short demo: `pulumi up` of some regions, without a rollout
    progress.py  a commit's progress, from the git host's data
    board.py     the live table of a rollout
    regions.py   one region: `pulumi up`, kubectl, Argo CD's state
    picture.py   the demo as an SVG

`regions sandbox demo` runs both demos. The clouds, the pods and the git host's API are SIMULATED.
"""
