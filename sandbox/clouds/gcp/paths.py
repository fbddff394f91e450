"""How resources of the SIMULATED Google Cloud name each other: by name, by path or by self link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sandbox.clouds.core.model import CloudError, Context, Reference
from sandbox.clouds.core.store import Transaction

SELF_LINK: Final = "https://www.googleapis.com/compute/v1/{id}"


def full_path(template: str) -> Callable[[Context, str], str]:
    """A function that turns a resource's name into its path. A path stays as it is."""

    def path(context: Context, value: str) -> str:
        return value if "projects/" in value else context.text(template) + value

    return path


def to(path: str, token: str, folder: str, *, blocks_delete: bool = True, cascade: bool = False) -> Reference:
    """A reference by name, path or self link to a resource in a folder such as
    `projects/{project}/global/networks/`."""
    return Reference(
        path,
        token,
        "googleapi: Error 404: The resource '{handle}' was not found, notFound",
        delete_error="googleapi: Error 400: The resource '{target}' is already being used by '{holder}',"
        " resourceInUseByAnotherResource"
        if blocks_delete
        else None,
        cascade=cascade,
        value=full_path(folder),
    )


def deletion_policy(context: Context, tx: Transaction) -> None:
    """Refuse to delete a resource that the provider's own `deletionPolicy` protects."""
    if context.get("deletionPolicy") == "PREVENT":
        raise CloudError(
            f"cannot destroy {context.id} without setting deletionPolicy to DELETE and running `pulumi up` first"
        )
