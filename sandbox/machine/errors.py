"""Errors of the sandbox that a person should read without a traceback."""


class SandboxError(Exception):
    """Something in the sandbox is not as it must be. The text says what, where, and what to do."""
