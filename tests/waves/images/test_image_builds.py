"""CI's builds of images: the workflow, Dockerfiles, pins and the table of own images agree."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tests.repository import ROOT, write
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
def image_host(remote: Remote) -> Remote:
    """The host with the pins, and with a source of each image."""
    write(remote.clone, sources(ROOT, PLACE) | {f"{place}/a.py": "1\n" for place in PLACES})
    remote.git("add", "--all")
    remote.commit("The images' sources")
    return remote


def to_build(host: Remote, rebuild: bool = False) -> dict[str, str]:
    """The images to build, and their tags."""
    return {build.image: build.tag for build in outdated(GitRefs(host.clone), rebuild)}


def pin(host: Remote, tags: dict[str, str]) -> None:
    """Pin images on main as CI does."""
    words = [f"{app}=ghcr.io/o/{app}:{tag}@{digest('a')}" for app, tag in tags.items()]
    CliRunner().invoke(command, ["--checkout", str(host.clone), "images", "bump", *words])
    host.git("commit", "--quiet", "--all", "-m", "Pin them")
    host.commit()


def test_an_image_is_built_when_its_sources_have_changed(image_host: Remote) -> None:
    first = to_build(image_host)
    assert first == dict.fromkeys(OWN, image_host.git("rev-parse", "HEAD")), (
        "a tag that is no commit counts as outdated"
    )
    pin(image_host, first)
    assert to_build(image_host) == {}
    (image_host.clone / "fleet" / "a.py").write_text("2\n")
    image_host.git("commit", "--quiet", "--all", "-m", "Change the fleet")
    changed = image_host.git("rev-parse", "HEAD")
    image_host.commit("Something else")
    assert to_build(image_host) == {"conductor": changed}


def test_an_old_commits_ci_run_again_takes_no_image_back(image_host: Remote) -> None:
    first = to_build(image_host)
    pin(image_host, first)
    assert to_build(image_host, rebuild=True) == first
    (image_host.clone / "fleet" / "a.py").write_text("2\n")
    image_host.git("commit", "--quiet", "--all", "-m", "Change the fleet")
    image_host.commit()
    pin(image_host, to_build(image_host))
    image_host.git("checkout", "--quiet", "--detach", first["conductor"])
    assert to_build(image_host) == {}
    assert set(to_build(image_host, rebuild=True)) == {"front", "gates"}


def test_the_matrix_is_the_commands_output(image_host: Remote) -> None:
    result = CliRunner().invoke(command, ["--checkout", str(image_host.clone), "images", "outdated", "--json"])
    assert json.loads(result.stdout) == [asdict(build) for build in outdated(GitRefs(image_host.clone))]
    assert "images outdated" in json.dumps(JOBS["outdated"]["steps"])
    for job in ("test", "build"):
        assert JOBS[job]["strategy"]["matrix"] == {"include": "${{ fromJSON(needs.outdated.outputs.builds) }}"}
        used = set(re.findall(r"matrix\.(\w+)", json.dumps(JOBS[job])))
        assert used <= set(asdict(outdated(GitRefs(image_host.clone))[0]))


@pytest.mark.parametrize("app", OWN)
def test_an_image_has_its_dockerfile_pin_and_tests(app: str, image_host: Remote) -> None:
    (build,) = [build for build in outdated(GitRefs(image_host.clone)) if build.image == app]
    dockerfile = (ROOT / build.dockerfile).read_text()
    assert f'title="{app}"' in dockerfile
    assert app in pins(FILES)
    assert all((ROOT / folder).is_dir() for folder in build.tests.split())
    sources = re.findall(r"^COPY (?!--)(\S+) ", dockerfile, re.MULTILINE)
    assert sources
    assert all(path.startswith(OWN[app].sources) for path in sources), "a change of another source would build no image"
    assert all(any(path.startswith(place) for path in sources) for place in OWN[app].sources)
    assert re.search(r"^FROM python:[\w.-]+@sha256:[0-9a-f]{64}$", dockerfile, re.MULTILINE)


def test_all_images_have_one_base() -> None:
    lines = [(ROOT / image.folder / "Dockerfile").read_text().splitlines() for image in OWN.values()]
    assert len({line for dockerfile in lines for line in dockerfile if line.startswith("FROM ")}) == 1


def test_a_change_of_an_images_sources_starts_the_workflow() -> None:
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
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


def test_a_job_has_no_permission_that_it_does_not_name() -> None:
    assert WORKFLOW["permissions"] == {}
    writes = {
        (name, key) for name, job in JOBS.items() for key, level in job["permissions"].items() if level == "write"
    }
    assert writes == {("build", "packages"), ("build", "id-token")}
