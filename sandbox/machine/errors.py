"""Errors of the sandbox that a person should read without a traceback."""

from fleet import UserError


class SandboxError(UserError):
    """An error of the sandbox. The text has the mistake, its place and the remedy."""
