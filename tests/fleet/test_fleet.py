"""The fleet's files: the shipped ones load, and each kind of bad file is refused with its remedy."""

from __future__ import annotations

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

import fleet
from fleet.schema import SCHEMAS
from tests.repository import ROOT

AWS = "stacks/Pulumi.staging-aws-eu-west-1.yaml"
GCP = "stacks/Pulumi.staging-gcp-us-central1.yaml"


ROLE = "arn:aws:iam::111122223333:role/sre"


def added(line: str) -> tuple[str, str]:
    """An edit that adds a setting."""
    return "location: eu-west-1", f"location: eu-west-1\n  {line}"


def pool(name: str, least: int, most: int) -> tuple[str, str]:
    """An edit that adds a node pool."""
    return added(f"regions:nodePools: {{ {name}: {{ machineType: m7i.large, minNodes: {least}, maxNodes: {most} }} }}")


def files() -> dict[str, str]:
    """The shipped files, path to text."""
    return fleet.files(ROOT)


def edited(file: str, old: str, new: str) -> dict[str, str]:
    """The shipped files with one edit, which must have an effect."""
    texts = files()
    assert old in texts[file]
    texts[file] = texts[file].replace(old, new)
    return texts


def test_every_shipped_stack_file_loads() -> None:
    shipped = fleet.read(ROOT)
    assert shipped.problems == ()
    assert {region.settings.cloud for region in shipped.in_waves() if region.wave.name == "staging"} == {
        "aws",
        "gcp",
        "azure",
    }
    assert len(shipped.regions) == len(list((ROOT / "stacks").glob("Pulumi.*.yaml")))
    assert [region.settings.tenant for region in shipped.regions.values() if region.settings.private] == ["acme"]


@pytest.mark.parametrize("file", SCHEMAS)
def test_a_checked_in_json_schema_is_the_models_own(file: str) -> None:
    assert json.loads((ROOT / file).read_text()) == SCHEMAS[file]()


def test_the_schema_of_waves_takes_the_shipped_file_and_no_misspelt_setting() -> None:
    text = (ROOT / "waves.yaml").read_text()
    (schema,) = (line.rpartition("=")[2] for line in text.splitlines()[:1])
    waves = Draft202012Validator(json.loads((ROOT / schema).read_text()))
    assert not list(waves.iter_errors(yaml.safe_load(text)))
    assert list(waves.iter_errors(yaml.safe_load(text.replace("soak: 5m", "soke: 5m"))))


def test_every_stack_file_names_the_schema_and_is_short() -> None:
    for path in (ROOT / "stacks").glob("Pulumi.*.yaml"):
        lines = path.read_text().splitlines()
        assert lines[0] == "# yaml-language-server: $schema=stack.schema.json"
        assert len(lines) <= 15


@pytest.mark.parametrize(
    ("file", "old", "new", "key", "words"),
    [
        (AWS, "wave: staging", "wave: stagin", "regions:wave", "staging, internal, external"),
        (AWS, "cloud: aws", "cloud: ibm", "regions:cloud", "aws"),
        (
            AWS,
            *added("regions:syncTimeout: 45m"),
            "regions:syncTimeout",
            "not shorter than the deadline of wave staging, 1800s",
        ),
        (AWS, *added("regions:pollInterval: 0s"), "regions:pollInterval", "1s at least"),
        (
            AWS,
            *added('regions:githubApps: { status: { appId: bot, installationId: "1" } }'),
            "regions:githubApps.status.appId",
            "GitHub app",
        ),
        (
            AWS,
            "location: eu-west-1",
            "location: eu-west-1\n  regions:suspended: true\n  regions:applications: [influxdb, conductor]",
            "regions:suspended",
            "another region the conductor first",
        ),
        (
            AWS,
            *added('regions:githubApps: { flags: { appId: "1" } }'),
            "regions:githubApps.flags.installationId",
            "missing",
        ),
        (
            AWS,
            *added(
                'regions:githubApps: { flags: { appId: "1", installationId: "2" } }\n  regions:applications: [influxdb]'
            ),
            "regions:githubApps.flags",
            "Add `flipt`",
        ),
        (
            AWS,
            *added('regions:flagsApp: "1"'),
            "regions:flagsApp",
            "Write `regions:githubApps: { flags: { appId: … } }`",
        ),
        (AWS, *added("regions:asleep: true"), "regions:asleep", "Write `regions:suspended`"),
        (AWS, *added("regions:apiAccess: []"), "regions:apiAccess", "Write `regions:apiAllowedCidrs`"),
        (AWS, *added("regions:access: {}"), "regions:access", "Write `regions:clusterAccess`"),
        (AWS, "location: eu-west-1", "location: westeurope", "regions:location", "location of aws"),
        (AWS, "10.16.0.0/16", "10.17.0.0/16", "regions:network", GCP),
        (AWS, "10.16.0.0/16", "10.16.0.1/16", "regions:network", "/16"),
        (AWS, "10.16.0.0/16", "192.168.0.0/16", "regions:network", "10.0.0.0/8"),
        (AWS, *pool("general", 9, 6), "regions:nodePools.general", "more than maxNodes"),
        (AWS, *pool("general", 3, 13), "regions:nodePools", "more than the 12 that a small region may have"),
        (AWS, *pool("with-hyphen", 1, 2), "regions:nodePools.with-hyphen", "pattern"),
        (AWS, *pool("system", 1, 2), "regions:nodePools.system", "AKS's own pods"),
        (AWS, *added('regions:tags: { wave: "1" }'), "regions:tags.wave", "already"),
        (AWS, *added("regions:tags: { awsx: a }"), "regions:tags.awsx", "clouds' own tags"),
        (AWS, *added("regions:tags: { Owner: a }"), "regions:tags.Owner", "pattern"),
        (AWS, *added("regions:tags: { owner: A b }"), "regions:tags.owner", "pattern"),
        (
            AWS,
            *added("regions:clusterAccess: { admins: [sre@example.com] }"),
            "regions:clusterAccess.admins",
            "ARN of an IAM role",
        ),
        (
            AWS,
            *added("regions:clusterAccess: { viewer: [a] }"),
            "regions:clusterAccess.viewer",
            "Did you mean `viewers`",
        ),
        (
            AWS,
            *added(f"regions:clusterAccess: {{ admins: [{ROLE}], viewers: [{ROLE}] }}"),
            "regions:clusterAccess",
            "named twice",
        ),
        (
            AWS,
            *added("regions:applications: [influxdb, influxbd]"),
            "regions:applications",
            "of gitops/apps. Take one of",
        ),
        (AWS, '"111122223333"', "111122223333", "regions:aws.accountId", "quoted"),
        (AWS, "accountId", "acountId", "regions:aws.acountId", "accountId"),
        (AWS, "regions:wave:", "regions:wav:", "regions:wav", "Did you mean `wave`"),
        (AWS, "  regions:wave: staging\n", "", "regions:wave", "missing"),
        (AWS, "regions:cloud: aws", "aws:region: eu-west-1\n  regions:cloud: aws", "aws:region", "own providers"),
        (AWS, "config:", "secrets: x\nconfig:", "secrets", "not a part of a stack file"),
        (AWS, "regions:wave: staging", "regions:wave: staging\n  regions:wave: staging", "line", "twice"),
        (AWS, "regions:cloud: aws", "regions:cloud: [aws", "line", "YAML"),
        (
            AWS,
            "regions:cloud: aws",
            "regions:kubernetesVersion: 1.30\n  regions:cloud: aws",
            "kubernetesVersion",
            "quoted",
        ),
        (
            AWS,
            "regions:cloud: aws",
            'regions:apiAllowedCidrs: ["0.0.0.0/0"]\n  regions:cloud: aws',
            "regions:apiAllowedCidrs",
            "world",
        ),
        (
            AWS,
            "regions:cloud: aws",
            "regions:applications: [a, a]\n  regions:cloud: aws",
            "regions:applications",
            "twice",
        ),
    ],
)
def test_a_bad_stack_file_is_refused_with_file_key_and_remedy(
    file: str, old: str, new: str, key: str, words: str
) -> None:
    broken_fleet = fleet.load(edited(file, old, new))
    problems = [problem for problem in broken_fleet.problems if problem.file == file and key in problem.key]
    assert problems, broken_fleet.problems
    assert words in " ".join(str(problem) for problem in problems)
    assert all(problem.remedy for problem in problems)
    with pytest.raises(fleet.FleetError, match=r"staging-aws-eu-west-1"):
        broken_fleet.region("staging-aws-eu-west-1")


def test_a_bad_stack_file_stops_its_own_region_only() -> None:
    broken_fleet = fleet.load(edited(AWS, "wave: staging", "wave: nowhere"))
    assert broken_fleet.problems
    assert broken_fleet.region("staging-gcp-us-central1").settings.cloud == "gcp"


def test_more_regions_than_may_ask_git_that_often_are_refused_with_the_interval_to_take() -> None:
    texts = files()
    for number in range(23 - len(fleet.load(texts).regions)):  # each asks every 3 s, for commits and flags
        texts[f"stacks/Pulumi.many-{number}.yaml"] = texts[AWS].replace("10.16.0.0/16", f"10.{100 + number}.0.0/16")
    (problem,) = fleet.load(texts).problems
    assert (problem.file, problem.key) == ("Pulumi.yaml", "regions:pollInterval")
    assert "23 regions ask git for commits and flags 15.3 times a second" in problem.fault
    assert "every 4s" in problem.remedy
    texts["Pulumi.yaml"] += "  regions:pollInterval:\n    default: 4s\n"
    assert not fleet.load(texts).problems


def test_a_name_that_stands_twice_is_reported_for_both_files() -> None:
    texts = files()
    twin = AWS.replace(".yaml", ".yml")
    texts[twin] = texts[AWS].replace("10.16.0.0/16", "10.99.0.0/16")
    problems = {(problem.file, problem.fault) for problem in fleet.load(texts).problems}
    assert {(AWS, f"{twin} is the same region"), (twin, f"{AWS} is the same region")} <= problems
    assert (twin, "Pulumi reads .yaml files only") in problems


def test_a_region_whose_file_has_another_ending_is_reported_as_such_and_not_as_missing() -> None:
    texts = files()
    texts[AWS.replace(".yaml", ".yml")] = texts.pop(AWS)
    with pytest.raises(fleet.FleetError, match=r"Pulumi reads \.yaml files only") as raised:
        fleet.load(texts).region("staging-aws-eu-west-1")
    assert "missing" not in str(raised.value)


@pytest.mark.parametrize("name", ["pulumi.prod-aws-eu-west-1.yaml", "prod-aws-eu-west-1.yaml", "old/Pulumi.a.yaml"])
def test_a_misnamed_stack_file_is_not_silently_left_out(name: str) -> None:
    texts = files()
    texts[f"stacks/{name}"] = texts[AWS]
    (problem,) = fleet.load(texts).problems
    assert problem.file == f"stacks/{name}"
    assert "Pulumi.<region>.yaml" in problem.remedy


def test_a_copied_salt_means_that_the_file_is_encrypted_for_another_stack() -> None:
    texts = files()
    for file in (AWS, GCP):
        texts[file] += "encryptionsalt: v1:abc:v1:def\n"
    problems = fleet.load(texts).problems
    assert {problem.file for problem in problems} == {AWS, GCP}
    assert all("encrypted for another stack" in problem.fault for problem in problems)


def test_a_key_that_is_not_the_waves_own_is_refused() -> None:
    texts = edited("waves.yaml", "- name: staging", '- name: staging\n    secretsProvider: "awskms://alias/a"')
    texts[AWS] = "secretsprovider: awskms://alias/b\n" + texts[AWS]
    assert [problem.key for problem in fleet.load(texts).problems] == ["secretsprovider"]


def test_a_secret_is_never_shown_in_an_error() -> None:
    text = str(fleet.Problem("f", "k", {"secure": "v1:ciphertext"}, "wrong", "fix it"))
    assert "ciphertext" not in text
    assert "[secret]" in text


def test_a_region_that_is_protected_by_its_wave_can_be_released() -> None:
    shipped = fleet.read(ROOT)
    assert shipped.regions["prod-aws-us-east-1"].protected
    assert not shipped.regions["staging-aws-eu-west-1"].protected
    file = "stacks/Pulumi.prod-aws-us-east-1.yaml"
    released = fleet.load(edited(file, "regions:cloud: aws", "regions:protect: false\n  regions:cloud: aws"))
    assert not released.regions["prod-aws-us-east-1"].protected


def test_the_conductor_needs_an_app_that_moves_branches() -> None:
    texts = edited("Pulumi.yaml", '      conductor: { appId: "1000002", installationId: "2000002" }\n', "")
    problems = [str(problem) for problem in fleet.load(texts).problems]
    assert problems == [
        "stacks/Pulumi.tools-aws-us-west-2.yaml: regions:githubApps.conductor: missing, and `conductor` is one of the "
        "applications. Give the GitHub app that moves branches."
    ]
