"""What CI builds images from, and when: workflow, Dockerfiles, pins and the table of own images agree."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.repository import ROOT
from tests.waves.conftest import Remote
from tests.waves.images.test_pins import FILES, digest
from waves.cli.app import app as command
from waves.images.pins import pins
from waves.images.proposal import OWN, outdated
from waves.review.render import PLACE, sources
from waves.scm.git import GitRefs

TEXT = (ROOT / ".github/workflows/images.yml").read_text()
WORKFLOW: dict[Any, Any] = yaml.safe_load(TEXT)
JOBS: dict[str, Any] = WORKFLOW["jobs"]
PLACES = {place for image in OWN.values() for place in image.sources}


@pytest.fixture
def made(remote: Remote) -> Remote:
    """The host with the pins, and something that each image is made of."""
    for path, text in sources(ROOT, PLACE).items():
        (remote.clone / path).parent.mkdir(parents=True, exist_ok=True)
        (remote.clone / path).write_text(text)
    for place in PLACES:
        (remote.clone / place).mkdir(parents=True, exist_ok=True)
        (remote.clone / place / "a.py").write_text("1\n")
    remote.git("add", "--all")
    remote.commit("What images are made of")
    return remote


def to_build(host: Remote, every: bool = False) -> dict[str, str]:
    """The images that are to be built, and the tags that they get."""
    return {build.image: build.tag for build in outdated(GitRefs(host.clone), every)}


def pin(host: Remote, tags: dict[str, str]) -> None:
    """Pin images on main as CI does."""
    words = [f"{app}=ghcr.io/o/{app}:{tag}@{digest('a')}" for app, tag in tags.items()]
    CliRunner().invoke(command, ["--checkout", str(host.clone), "images", "bump", *words])
    host.git("commit", "--quiet", "--all", "-m", "Pin them")
    host.commit()


def test_an_image_is_built_when_what_it_is_made_of_has_changed(made: Remote) -> None:
    first = to_build(made)
    assert first == dict.fromkeys(OWN, made.git("rev-parse", "HEAD")), "a tag that is no commit says nothing"
    pin(made, first)
    assert to_build(made) == {}
    (made.clone / "fleet" / "a.py").write_text("2\n")
    made.git("commit", "--quiet", "--all", "-m", "Change the fleet")
    changed = made.git("rev-parse", "HEAD")
    made.commit("Something else")
    assert to_build(made) == {"conductor": changed}


def test_an_old_commits_ci_run_again_takes_no_image_back(made: Remote) -> None:
    first = to_build(made)
    pin(made, first)
    assert to_build(made, every=True) == first
    (made.clone / "fleet" / "a.py").write_text("2\n")
    made.git("commit", "--quiet", "--all", "-m", "Change the fleet")
    made.commit()
    pin(made, to_build(made))
    made.git("checkout", "--quiet", "--detach", first["conductor"])
    assert to_build(made) == {}
    assert set(to_build(made, every=True)) == {"front", "gates"}


def test_the_matrix_is_what_the_command_prints(made: Remote) -> None:
    result = CliRunner().invoke(command, ["--checkout", str(made.clone), "images", "outdated", "--json"])
    assert json.loads(result.stdout) == [asdict(build) for build in outdated(GitRefs(made.clone))]
    assert "images outdated" in json.dumps(JOBS["outdated"]["steps"])
    for job in ("test", "build"):
        assert JOBS[job]["strategy"]["matrix"] == {"include": "${{ fromJSON(needs.outdated.outputs.builds) }}"}
        used = set(re.findall(r"matrix\.(\w+)", json.dumps(JOBS[job])))
        assert used <= set(asdict(outdated(GitRefs(made.clone))[0]))


@pytest.mark.parametrize("app", OWN)
def test_an_image_has_its_dockerfile_pin_and_tests(app: str, made: Remote) -> None:
    (build,) = [build for build in outdated(GitRefs(made.clone)) if build.image == app]
    dockerfile = (ROOT / build.dockerfile).read_text()
    assert f'title="{app}"' in dockerfile
    assert app in pins(FILES)
    assert all((ROOT / folder).is_dir() for folder in build.tests.split())
    copied = re.findall(r"^COPY (?!--)(\S+) ", dockerfile, re.MULTILINE)
    assert copied
    assert all(path.startswith(OWN[app].sources) for path in copied), (
        "a change of anything else in it would build nothing"
    )
    assert all(any(path.startswith(place) for path in copied) for place in OWN[app].sources)
    assert re.search(r"^FROM python:[\w.-]+@sha256:[0-9a-f]{64}$", dockerfile, re.MULTILINE)


def test_all_images_have_one_base() -> None:
    lines = [(ROOT / image.folder / "Dockerfile").read_text().splitlines() for image in OWN.values()]
    assert len({line for each in lines for line in each if line.startswith("FROM ")}) == 1


def test_a_change_of_what_images_are_made_of_starts_the_workflow() -> None:
    paths = set(WORKFLOW[True]["push"]["paths"])  # YAML takes `on` for a truth
    assert paths == {f"{place}**" for place in PLACES} | {".dockerignore", ".github/workflows/images.yml"}
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {f"{folder}/" for folder in allowed} == PLACES


def test_every_image_that_is_built_is_pinned() -> None:
    assert JOBS["build"]["outputs"] == {app: f"${{{{ steps.pin.outputs.{app} }}}}" for app in OWN}
    assert "toJSON(needs.build.outputs)" in json.dumps(JOBS["bump"]["steps"])
    assert "images bump" in json.dumps(JOBS["bump"]["steps"])


def test_every_action_is_pinned_by_its_commit_and_says_its_version() -> None:
    used = re.findall(r"uses: (.*)", TEXT)
    assert len(used) > 5
    assert [each for each in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_a_job_has_no_permission_that_it_does_not_name() -> None:
    assert WORKFLOW["permissions"] == {}
    writes = {
        (name, key) for name, job in JOBS.items() for key, level in job["permissions"].items() if level == "write"
    }
    assert writes == {("build", "packages"), ("build", "id-token")}
