"""Mandatory Pulumi policies: a CrossGuard pack, run by `pulumi preview --policy-pack policy`.

    rules.py        a policy as data (pure)
    catalogue.py    the policies (pure)
    residency.yaml  the locations of each tenant's data
    __main__.py     the pack: the policies as Pulumi's

Knows fleet/, and nothing else of the project. docs/reference/policies.md explains each policy and its exceptions.
"""
