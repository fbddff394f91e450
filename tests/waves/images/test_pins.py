"""Only an image changes in a file of pins, and only to one that has a digest."""

from __future__ import annotations

import json

import pytest

from tests.repository import ROOT
from waves.images.pins import PINS, PinsError, bumps, new_images, pins, rewrite, waiting_images
from waves.review.render import sources

FILES = sources(ROOT, PINS)
FRONT = f"{PINS}/front.json"
MONITORING = f"{PINS}/monitoring.json"


def digest(digit: str) -> str:
    """A digest."""
    return "sha256:" + digit * 64


def own_image(app: str, digit: str) -> str:
    """An own image as CI names it."""
    return f"ghcr.io/platform/regions/{app}:{digit * 40}@{digest(digit)}"


def test_only_the_image_changes_in_a_file() -> None:
    changes = bumps(FILES, new_images([f"prometheus@{digest('a')}"], pins(FILES)))
    (path, text) = next(iter(rewrite(FILES, changes).items()))
    assert path == MONITORING
    assert text == FILES[path].replace(changes[0].old, changes[0].new)
    assert changes[0].new == f"{changes[0].old.partition('@')[0]}@{digest('a')}"


def test_two_images_of_one_file_and_one_of_another_change_at_once() -> None:
    images = new_images(
        [f"grafana@{digest('a')}", f"prometheus@{digest('b')}", f"front={own_image('front', 'c')}"], pins(FILES)
    )
    new = rewrite(FILES, bumps(FILES, images))
    assert set(new) == {FRONT, MONITORING}
    assert {app: pin.image for app, pin in pins({**FILES, **new}).items()} == {
        app: images.get(app, pin.image) for app, pin in pins(FILES).items()
    }
    assert bumps({**FILES, **new}, images) == [], "the second time changes no file"


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("frnt@sha256:0", r"no image is named frnt in gitops/pins; known: .*front, gates, grafana"),
        ("front", r"gitops/pins/front.json: front: .* has no digest. Give front@sha256: and the 64"),
        (f"front@{digest('a')[:-1]}", r"gitops/pins/front.json: front: .*aaa' has no digest"),
        (f"front@{digest('A')}", r"front.json: front: .*AAA' has no digest"),
        ("front=ghcr.io/o/front:1", r"front.json: front: 'ghcr.io/o/front:1' has no digest"),
        (
            f"front=ghcr.io/o/front@{digest('a')}",
            r"has no tag, or is no image's name. Give front=REPOSITORY:TAG@sha256",
        ),
        (f"front=ghcr.io/O/front:1@{digest('a')}", r"is no image's name"),
        (f'front=a"b:1@{digest("a")}', r"is no image's name"),
    ],
)
def test_an_invalid_image_is_refused_with_file_key_value_and_remedy(word: str, says: str) -> None:
    with pytest.raises(PinsError, match=says):
        new_images([word], pins(FILES))


@pytest.mark.parametrize("text", ["{", "[]", '{"front": 1}'])
def test_a_file_that_has_no_pins_is_named(text: str) -> None:
    with pytest.raises(PinsError, match=r"gitops/pins/front\.json: "):
        pins({FRONT: text})


def test_every_image_has_one_name_in_all_files() -> None:
    names = [app for text in FILES.values() for app in json.loads(text)]
    assert len(names) == len(set(names))


def pinned(**values: str) -> dict[str, str]:
    """Files with these pins."""
    return {f"{PINS}/{app}.json": json.dumps({app: image}) for app, image in values.items()}


def test_a_branch_keeps_the_images_that_main_has_not_changed_since() -> None:
    base = pinned(a="a1", b="b1", c="c1", d="d1")
    branch = pinned(a="a2", b="b2", c="c1", d="d2")
    main = pinned(a="a1", b="b3", c="c2", d="d2")
    assert waiting_images(base, branch, main) == {"a": "a2"}
    assert waiting_images(base, branch, pinned(b="b1")) == {"b": "b2"}, "an image that main no longer has is gone"
