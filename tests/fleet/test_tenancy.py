"""A private region: each setting that it must have for itself is demanded, with its remedy."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import fleet
from fleet.keys import RECEIPTS_KEY, receipts_key
from tests.fleet.test_fleet import files

ACME = "stacks/Pulumi.acme-gcp-europe-west4.yaml"
STAGING_GCP = "stacks/Pulumi.staging-gcp-us-central1.yaml"
TOOLS = "stacks/Pulumi.tools-aws-us-west-2.yaml"
PROD = {cloud: f"stacks/Pulumi.prod-{name}.yaml" for cloud, name in
        (("aws", "aws-us-east-1"), ("gcp", "gcp-europe-west4"), ("azure", "azure-westeurope"))}  # fmt: skip
STATUS = '    status: { appId: "1000003", installationId: "2000003", login: "acme-receipts[bot]" }\n'
FLAGS = '    flags: { appId: "7", installationId: "8" }\n'
LOGIN = ', login: "acme-receipts[bot]"'
WINDOWS = (
    '  regions:changeWindows: [{ days: [tue, wed, thu], start: "21:00", end: "02:00", timezone: Europe/Berlin }]\n'
)
TENANT = "  regions:tenant: acme\n"


def edited(edits: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """The shipped files with an edit in some of them, each of which must have an effect."""
    texts = files()
    for file, (old, new) in edits.items():
        assert old in texts[file]
        texts[file] = texts[file].replace(old, new)
    return texts


def private(file: str, project: str, app: str = "7") -> dict[str, tuple[str, str]]:
    """An edit that makes a shared region tenant globex's, in an account, project or subscription of its own."""
    status = f'{{ status: {{ appId: "{app}", installationId: "{app}", login: "globex[bot]" }} }}'
    own = f"  regions:tenant: globex\n  regions:githubApps: {status}\n"
    residency = ("acme:", 'globex: ["*"]\nacme:')
    return {
        file: ("config:\n", f"config:\n{own}{project}"),
        "policy/residency.yaml": residency,
    }


@pytest.mark.parametrize(
    ("edits", "key", "words"),
    [
        ({ACME: ("wave: external", "wave: internal")}, "wave", "other waves wait for this one. Take external, the last one"),
        ({ACME: (TENANT, TENANT + "  regions:applications: [influxdb, conductor]\n")}, "applications", "moves every region"),
        ({ACME: (STATUS, STATUS + FLAGS)}, "githubApps.flags.appId", "that app can write every tenant's flags"),
        ({ACME: (LOGIN, "")}, "githubApps.status.login", "Give the login of the GitHub app that posts its receipts"),
        ({ACME: ("acme-receipts[bot]", "regions-receipts[bot]")}, "githubApps.status.login", "wave external trusts it for all"),
        ({ACME: ("acme-receipts[bot]", "acme-receipts")}, "githubApps.status.login", "pattern"),
        ({ACME: ("1000003", "1000001")}, "githubApps.status.appId",
         "the same GitHub app as in stacks/Pulumi.prod-aws-us-east-1.yaml of tenant shared"),
        ({ACME: ("2000003", "2000001")}, "githubApps.status.installationId", "and 4 more"),
        ({ACME: ("example-acme", "example-production")}, "gcp.project",
         f"the same project as in {PROD['gcp']} of tenant shared. Take one that is tenant acme's alone"),
        ({ACME: ("europe-west4", "us-central1")}, "location",
         "residency.yaml allows gcp:europe-west1, gcp:europe-west4. Take an allowed one"),
        ({"policy/residency.yaml": ("acme: [", "acne: [")}, "location", "residency.yaml allows nothing"),
        ({ACME: (TENANT, "")}, "tenant", "though the file has regions:changeWindows"),
        ({ACME: (TENANT + "  regions:costCentre: acme\n", "")}, "tenant", "though the file has regions:githubApps.status.login"),
        ({ACME: ('"21:00"', "21:00")}, "changeWindows.0.start", "write it in quotes"),
        ({ACME: (WINDOWS, "  regions:changeWindows: []\n")}, "changeWindows", "at least 1 item"),
        ({ACME: (TENANT, TENANT + "  regions:clusterAccess: { admins: [a@example.com] }\n"),
          STAGING_GCP: ("config:\n", "config:\n  regions:clusterAccess: { viewers: [a@example.com] }\n")},
         "clusterAccess", f"the same role or group as in {STAGING_GCP}"),
        ({"waves.yaml": ("    gate: none\n", '    gate: none\n    windows: [{ days: [mon], start: "08:00", end: "16:00" }]\n')},
         "changeWindows", "never open while wave external is: mon 08:00-16:00 UTC"),
        ({"waves.yaml": ("    gate: none\n", '    gate: none\n    secretsProvider: "awskms://alias/w"\n')},
         "secretsProvider", "not a key of its own"),
        ({"waves.yaml": ("    gate: none\n", '    gate: none\n    secretsProvider: "awskms://alias/w"\n'),
          ACME: (TENANT, TENANT + "  regions:secretsProvider: awskms://alias/w\n")},
         "secretsProvider", "opens the secrets of all its regions"),
    ],
)  # fmt: skip
def test_a_private_region_that_is_not_by_itself_is_refused_in_its_own_file(
    edits: dict[str, tuple[str, str]], key: str, words: str
) -> None:
    broken_fleet = fleet.load(edited(edits))
    assert {problem.file for problem in broken_fleet.problems} == {ACME}, broken_fleet.problems
    assert any(problem.key == f"regions:{key}" and words in str(problem) for problem in broken_fleet.problems), (
        broken_fleet.problems
    )
    assert broken_fleet.region("prod-gcp-europe-west4"), "no other region is stopped"


@pytest.mark.parametrize(
    ("edits", "file", "key", "words"),
    [
        (private(PROD["azure"], ""), PROD["azure"], "azure.deployGroupId", "the same group"),
        ({**private(PROD["aws"], ""), TOOLS: ("222233334444", "333344445555")}, PROD["aws"], "aws.accountId", TOOLS),
        ({**private(PROD["aws"], ""),
          TOOLS: ("config:\n", 'config:\n  regions:clusterAccess: { admins: ["arn:aws:iam::333344445555:role/sre"] }\n')},
         PROD["aws"], "aws.accountId", TOOLS),
        (private(PROD["aws"], '  regions:clusterAccess: { admins: ["arn:aws:iam::222233334444:role/sre"] }\n'), PROD["aws"],
         "clusterAccess", f"the same account as in {TOOLS}"),
        (private(PROD["gcp"], "", "1000003"), PROD["gcp"], "githubApps.status.appId", f"{ACME} of tenant acme"),
    ],
)  # fmt: skip
def test_accounts_groups_and_apps_are_one_tenants_on_every_cloud(
    edits: dict[str, tuple[str, str]], file: str, key: str, words: str
) -> None:
    problems = [problem for problem in fleet.load(edited(edits)).problems if problem.key == f"regions:{key}"]
    assert any(problem.file == file and words in str(problem) for problem in problems), problems


def test_two_regions_of_one_tenant_may_share_the_tenants_own() -> None:
    texts = files()
    texts["stacks/Pulumi.acme-gcp-europe-west1.yaml"] = (
        texts[ACME].replace("location: europe-west4", "location: europe-west1").replace("10.48.", "10.49.")
    )
    assert fleet.load(texts).problems == ()


def test_a_private_regions_key_has_a_variable_of_its_own_and_its_secrets_a_key() -> None:
    shipped = fleet.load(files())
    assert receipts_key(shipped.region("acme-gcp-europe-west4")) == f"{RECEIPTS_KEY}_ACME"
    assert receipts_key(shipped.region("prod-gcp-europe-west4")) == RECEIPTS_KEY
    key = "gcpkms://projects/example-acme/locations/europe-west4/keyRings/p/cryptoKeys/p"
    private_fleet = fleet.load(
        edited(
            {
                "waves.yaml": ("    gate: none\n", '    gate: none\n    secretsProvider: "awskms://alias/w"\n'),
                ACME: (TENANT, f"{TENANT}  regions:secretsProvider: {key}\n"),
            }
        )
    )
    assert private_fleet.problems == ()
    assert private_fleet.region("acme-gcp-europe-west4").secrets_provider == key
    assert private_fleet.region("prod-gcp-europe-west4").secrets_provider == "awskms://alias/w"


@pytest.mark.parametrize("text", ["acme: gcp:europe-west4\n", "acme: [1]\n", "acme:\n"])
def test_a_residency_file_without_lists_of_patterns_is_refused(text: str) -> None:
    texts = files()
    texts["policy/residency.yaml"] = f'shared: ["*"]\n{text}'
    problems = [str(problem) for problem in fleet.load(texts).problems if problem.file == "policy/residency.yaml"]
    assert problems
    assert "cloud:location" in problems[0]
