"""What no region may be, whoever wrote the change: a CrossGuard pack, run by `pulumi preview --policy-pack policy`.

    rules.py        what a policy is
    catalogue.py    the policies (pure)
    residency.yaml  where each tenant's data may be
    __main__.py     the pack: rules as Pulumi's policies

Knows fleet/, and nothing else of the project. docs/reference/policies.md explains each, and how to make an exception.
"""
