"""Renders each state of the files once for all tests: most of them compare with the shipped files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

import fleet
from waves.review import comparison
from waves.review.render import Object


@pytest.fixture(autouse=True, scope="session")
def _rendered_once() -> Iterator[None]:
    render = comparison.region_objects
    objects: dict[tuple[str, str, frozenset[tuple[str, str]]], list[Object]] = {}

    def region_objects(files: Mapping[str, str], region: fleet.Region) -> list[Object]:
        key = region.name, region.settings.model_dump_json(), frozenset(files.items())
        if key not in objects:
            objects[key] = render(files, region)
        return objects[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "region_objects", region_objects)
        yield
