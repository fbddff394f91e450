"""The scheme of the tags of every resource of a region, valid in each cloud."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

Tag = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
TagValue = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{0,63}$")]
"""A tag's name and value as Google Cloud, the strictest, takes labels: cloud.google.com/resource-manager/docs/labels-overview.
AWS and Azure take all of these: docs.aws.amazon.com/tag-editor and
learn.microsoft.com/azure/azure-resource-manager/management/tag-resources."""

REGION_TAG = "region"
"""The tag that never changes."""
SCHEME = (REGION_TAG, "wave", "tenant", "cost-centre", "managed-by")
"""The tags of every resource. A stack file cannot change them."""

RESERVED_PREFIXES = ("aws", "azure", "microsoft", "windows", "goog")
"""Prefixes that AWS (aws:), Azure and Google Cloud reserve, in any case."""

MAX_TAGS = 15 - len(SCHEME)
"""Azure's DNS zones take 15 tags: learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations."""
