"""An error of the settings or of the fleet names file, key, value and remedy, before Pulumi creates a resource."""

from __future__ import annotations

import runpy

import pytest
from pulumi.runtime import set_mocks
from pulumi.runtime.stack import run_pulumi_func

import fleet
from bootstrap import azure_management, settings
from bootstrap.plan import plan
from tests.bootstrap.fleets import crowded, crowded_files
from tests.bootstrap.recording import SETTINGS, BootstrapMocks, shipped
from tests.components.recording import Monitor, fresh_loop
from tests.repository import ROOT

FILE = "bootstrap/Pulumi.org.yaml"
TEXT = (ROOT / FILE).read_text()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            'account: "999900001111"',
            'account: "9999"',
            f"{FILE}: regions-bootstrap:state.account = 9999: string should match",
        ),
        ('account: "999900001111"', "account: 999900001111", "Give the AWS account of the state, 12 digits, quoted"),
        ("region: eu-west-1", "region: europe-west1", "regions-bootstrap:state.region = europe-west1"),
        ("buckets: example-regions-state", "buckets: Example.State", "regions-bootstrap:state.buckets"),
        ("    owner: example\n", "", "regions-bootstrap:github.owner: missing. Give the organisation on GitHub"),
        ("    repositoryId: 100000001\n", "", "ownerId and repositoryId stand together or not at all"),
        ("  regions-bootstrap:gcp:", "  regions-bootstrap:gpc:", "not a setting. Did you mean `gcp`?"),
        ("config:", "config: [", "not readable as YAML"),
    ],
)
def test_a_bad_setting_is_refused_with_file_key_and_remedy(old: str, new: str, words: str) -> None:
    assert old in TEXT
    with pytest.raises(fleet.FleetError) as raised:
        settings.load(FILE, TEXT.replace(old, new, 1))
    assert words in str(raised.value)
    assert str(raised.value).startswith(FILE)


def test_a_missing_file_is_an_error() -> None:
    with pytest.raises(fleet.FleetError, match=r"bootstrap/Pulumi.other.yaml: the file: missing"):
        settings.read(ROOT / "bootstrap", "other")


@pytest.mark.parametrize("cloud", ["gcp", "azure"])
def test_a_cloud_of_the_fleet_without_settings_is_refused(cloud: str) -> None:
    with pytest.raises(
        fleet.FleetError, match=f"regions-bootstrap:{cloud}: missing, and the fleet has regions on {cloud}"
    ):
        plan(fleet.read(ROOT), SETTINGS.model_copy(update={cloud: None}))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("99999999-aaaa-4bbb-8ccc-000000000000", "88888888-aaaa-4bbb-8ccc-000000000000", "another Entra directory"),
        ("network: 10.201.0.0/16", "network: 10.18.0.0/16", "10.18.0.0/16"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused(old: str, new: str, words: str) -> None:
    files = crowded_files()
    files["stacks/Pulumi.globex-azure-eastus.yaml"] = files["stacks/Pulumi.globex-azure-eastus.yaml"].replace(old, new)
    with pytest.raises(fleet.FleetError, match=words):
        plan(fleet.load(files), SETTINGS)


def test_one_name_for_building_and_for_previews_is_refused() -> None:
    files = crowded_files()
    files["stacks/Pulumi.globex-aws-eu-west-1.yaml"] = files["stacks/Pulumi.globex-aws-eu-west-1.yaml"].replace(
        '"444455556666"', '"444455556666", previewRole: regions-deploy'
    )
    with pytest.raises(
        fleet.FleetError, match=r"a role for deploy, and for preview. Give deployRole and previewRole other names"
    ):
        plan(fleet.load(files), SETTINGS)


@pytest.mark.parametrize("name", ["preview", "images", "bootstrap", "staging"])
def test_no_customer_is_named_like_another_environment(name: str) -> None:
    files = crowded_files()
    file = "stacks/Pulumi.acme-gcp-europe-west4.yaml"
    files[file] = files[file].replace("regions:tenant: acme", f"regions:tenant: {name}")
    files["policy/residency.yaml"] += f'{name}: ["*"]\n'
    problems = [str(problem) for problem in fleet.load(files).problems]
    assert any(f"regions:tenant = {name}: the name of a wave, or of an environment" in problem for problem in problems)


def test_no_wave_is_named_like_the_previews_environment() -> None:
    files = crowded_files()
    files["waves.yaml"] = files["waves.yaml"].replace("name: internal", "name: preview")
    problems = [str(problem) for problem in fleet.load(files).problems]
    assert any("waves.1.name = preview: the name of another environment of CI" in problem for problem in problems)


def test_a_new_region_in_an_account_that_its_environment_has_changes_nothing() -> None:
    files = crowded_files()
    one = files["stacks/Pulumi.globex-aws-eu-west-1.yaml"]
    files["stacks/Pulumi.globex-aws-two.yaml"] = one.replace("10.200.", "10.210.")
    assert plan(fleet.load(files), SETTINGS) == plan(fleet.load(crowded_files()), SETTINGS)


def test_a_management_network_keeps_its_range_and_a_new_location_gets_the_next() -> None:
    files = crowded_files()
    one = files["stacks/Pulumi.globex-aws-eu-west-1.yaml"]
    before = {(hub.cloud, hub.key): hub for hub in plan(fleet.load(files), SETTINGS).hubs}
    shipped_hub = before["aws", "staging/eu-west-1"]
    assert (str(shipped_hub.range), shipped_hub.accounts) == ("10.255.0.0/24", ("111122223333",))
    files["stacks/Pulumi.globex-aws-eu-west-2.yaml"] = one.replace("eu-west-1", "eu-west-2").replace(
        "10.200.", "10.210."
    )
    after = {(hub.cloud, hub.key): hub for hub in plan(fleet.load(files), SETTINGS).hubs}
    assert after.keys() - before.keys() == {("aws", "globex/eu-west-2")}
    ranges = [hub.range for hub in after.values()]
    assert len(set(ranges)) == len(ranges)
    assert all(str(block).startswith("10.255.") and block.prefixlen == 24 for block in ranges)


def test_the_shipped_setting_is_the_output_of_the_shipped_program() -> None:
    the_plan = plan(fleet.read(ROOT), SETTINGS)
    setting = next(iter(fleet.read(ROOT).regions.values())).settings.management
    assert {hub.key: hub.range for hub in the_plan.hubs if hub.cloud == "aws"} == {
        k: n.range for k, n in setting.aws.items()
    }
    assert {hub.key: hub.range for hub in the_plan.hubs if hub.cloud == "azure"} == {
        key: network.range for key, network in setting.azure.items()
    }
    assert SETTINGS.azure is not None
    for key, network in setting.azure.items():
        assert (network.subscription, network.resource_group) == (SETTINGS.azure.subscription, azure_management.GROUP)
        assert network.name == key


def test_a_management_network_is_shared_with_its_own_regions_accounts_alone() -> None:
    _, registrations = crowded()
    shares: dict[str, set[str]] = {}
    for association in registrations.of("aws:ram/principalAssociation:PrincipalAssociation"):
        share = association.name.removesuffix(f"-{association.inputs['principal']}")
        shares.setdefault(share, set()).add(association.inputs["principal"])
    expected: dict[str, set[str]] = {}
    for region in crowded()[0].in_waves():
        if region.settings.aws:
            expected.setdefault(region.environment, set()).add(region.settings.aws.account_id)
    assert shares.keys() >= {
        "management-staging-eu-west-1",
        "management-staging-eu-north-1",
        "management-globex-eu-west-1",
    }
    for share, accounts in shares.items():
        assert accounts == expected[share.split("-")[1]], share
    assert not any(
        share.inputs["allowExternalPrincipals"] for share in registrations.of("aws:ram/resourceShare:ResourceShare")
    )


def test_the_program_that_pulumi_runs_registers_every_resource() -> None:
    loop = fresh_loop()
    monitor = Monitor(BootstrapMocks())
    set_mocks(BootstrapMocks(), project="regions-bootstrap", stack="org", preview=False, monitor=monitor)

    def program() -> None:
        runpy.run_path(str(ROOT / "bootstrap"), run_name="__main__")

    loop.run_until_complete(run_pulumi_func(program))
    assert {resource.urn for resource in monitor.recorded} == {resource.urn for resource in shipped().resources}


def test_every_resource_has_the_provider_of_its_own_account() -> None:
    for resource in crowded()[1].resources:
        if not resource.type.startswith(("bootstrap:", "pulumi:providers:")):
            assert resource.provider, resource.name
        if resource.type.startswith(("aws:iam/", "aws:s3/", "aws:kms/")):
            account = resource.name.split("-")[1] if resource.name.startswith("aws-") else SETTINGS.state.account
            assert f"::aws-{account}::" in resource.provider, resource.name
