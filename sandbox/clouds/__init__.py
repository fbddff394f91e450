"""SIMULATED clouds: provider plugins for `aws`, `gcp`, `azure-native` and `github`, which the real Pulumi engine runs.

    core/                      the machinery, the same for every cloud
    aws/ gcp/ azure/ github/   the rules of one cloud's resource types, a file per concern
    __main__.py                `python -m sandbox.clouds aws` serves a plugin, `list` prints the existing resources

To simulate another type, add a `ResourceRule` to its cloud. The SDK declares its inputs and outputs.
"""
