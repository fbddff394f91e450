"""Errors of the sandbox that a person should read without a traceback."""


class SandboxError(Exception):
    """An error of the sandbox. The text has the mistake, its place and the remedy.

    No fleet.UserError: the exec plugins run without installed packages, since each call of a cluster starts one.
    """
