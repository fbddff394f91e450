"""Creates CI's cloud identities, the state backend and the repository's rules. docs/reference/permissions.md.

An administrator runs `pulumi up` in this folder. The program reads the fleet's files, so there is no second list.
bootstrap imports fleet alone, and no other package imports bootstrap.
"""
