"""A Pulumi provider in Python: the machinery under the SIMULATED clouds.

    values.py   property bags of the engine as plain Python data, with unknowns and secrets
    server.py   the gRPC server, and the requests that every provider answers the same way

Nothing here knows a cloud.
"""
