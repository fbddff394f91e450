"""SIMULATED clouds: provider plugins for `aws`, `gcp`, `azure-native` and `github` that the real Pulumi engine
runs on one machine.

`python -m sandbox.clouds aws` serves a plugin; `python -m sandbox.clouds list` prints what exists in the
simulated clouds.

    provider.py   the plugin's gRPC side, the same for every cloud
    cloud.py      what a cloud does with a resource: create, read, update, delete, by the rules of its type
    lookups.py    finds resources, and makes what rules look at
    flavour.py    what differs between the clouds
    outputs.py    how a resource's outputs come about
    references.py what has to exist, what holds what, what goes together
    model.py      the words that rules are written in (`Rule`, `Reference`, `Name`)
    schema.py     inputs held against the installed SDK's own metadata
    diff.py       what changed between two sets of inputs, and what of it replaces the resource
    store.py      the state of all clouds, one SQLite file for all plugin processes
    nodes.py      machine types and the nodes of a pool; clusters.py hands both to the sandbox's supervisor
    aws/ gcp/ azure/ github/   the rules, a file per concern

To simulate another type, add a `Rule` to its cloud; what its inputs and outputs are comes from the SDK.
"""
