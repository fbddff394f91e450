"""The common parts of the models of the fleet's files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints
from pydantic.alias_generators import to_camel

Cloud = Literal["aws", "gcp", "azure"]

Label = Annotated[str, StringConstraints(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""A name that is valid as a Kubernetes label and in each cloud's tags (RFC 1123, beginning with a letter)."""

SECRETS_PROVIDER = r"^(awskms|azurekeyvault|gcpkms|hashivault)://"
"""A key that Pulumi encrypts a stack's secrets with."""


PREVIEW = "preview"
"""The environment of pull requests' previews: docs/reference/permissions.md."""
IMAGES = "images"
"""The environment of the workflow that pins images."""
RESERVED_NAMES = (PREVIEW, IMAGES, "bootstrap")
"""Names that no wave and no customer may have: clouds trust environments by name, and state buckets have the same names."""


class SettingsModel(BaseModel):
    """The base of all settings: camelCase in files, unknown keys refused, values never changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)
