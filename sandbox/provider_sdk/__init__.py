"""A Pulumi provider in Python: the gRPC server and property bags of the SIMULATED clouds."""
