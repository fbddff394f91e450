"""The machinery of the SIMULATED clouds, the same for all of them:

    grpc_provider.py        the plugin's gRPC side
    faults.py               faults of calls, from a file
    crud.py                 create, read, update and delete of a resource, by the rule of its type
    model.py                the vocabulary of rules: `ResourceRule`, `Reference`, `Name`, `Quota`
    dialect.py              the part that differs between the clouds
    schema.py               checks inputs against the installed SDK's own metadata
    diff.py                 the changed inputs, and the changes that replace the resource
    references.py           targets that must exist, and the order of a deletion
    refusals.py             the checks before a create or update
    outputs.py              the outputs of a resource
    lookups.py              finds resources, and builds the contexts of rules
    store.py                the state of all clouds: one SQLite file for all plugin processes
    nodes.py                machine types, and the nodes of a pool
    clusters.py             hands clusters and nodes to the sandbox's supervisor
    kubernetes_versions.py  the versions that the clouds offer
    property_paths.py       dotted paths into property bags
    terraform_bridge.py     error messages of the bridged providers

The rules of the resource types are in aws/, gcp/, azure/ and github/.
"""
