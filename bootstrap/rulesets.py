"""The repository's rulesets. Each app may move its own branches alone, and changes of main come by pull request.

Source: docs.github.com, "Available rules for rulesets". A push must pass every ruleset that names the branch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bootstrap.plan import OrganisationPlan

ACTIONS_APP = 15368
"""GitHub Actions. Required checks count from this app alone: the apps that post receipts could post a check's name as well."""
CHECKS = ("lint, types, tests", "verdict")
"""Jobs of .github/workflows/preview.yml."""
PEOPLE = {"maintain": 2, "write": 4, "admin": 5}
"""The numbers of the repository's roles: registry.terraform.io, github_repository_ruleset."""
REGIONS = ("refs/heads/region/**", "refs/heads/region/**/*")
DEPENDABOT = "refs/heads/dependabot/**/*"
"""Open to all: CI trusts no such branch, and its changes come by a pull request like any other."""
MAIN, FLAGS, IMAGES = "refs/heads/main", "refs/heads/flags", "refs/heads/images"


@dataclass(frozen=True)
class Actor:
    """An actor that may bypass a ruleset: an app (`Integration`), a team or a role of the repository."""

    kind: str
    number: int


@dataclass(frozen=True)
class Ruleset:
    """Branches, the rules for them, and the actors that may bypass these."""

    name: str
    branches: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    bypass: tuple[Actor, ...] = ()
    closed: bool = False
    """Whether the actors of `bypass` alone may create, move and delete branches."""
    lasting: bool = False
    """Whether GitHub refuses to delete branches and to remove commits from them."""
    review: bool = False
    """Whether changes come by a pull request that a second person approved."""
    owners: bool = False
    """Whether an owner of each changed file approves. A file without an owner then needs no approval."""
    checks: tuple[str, ...] = field(default=())


def rulesets(plan: OrganisationPlan) -> list[Ruleset]:
    """The repository's rulesets."""
    github = plan.settings.github
    operators = [Actor("Team", team) for team in github.operators]
    flag_apps = tuple(_apps(plan.flag_apps))
    return [
        # Also backward, by force with a lease: `regions rollback`.
        Ruleset("regions move by the conductor", REGIONS, bypass=(*_apps(plan.conductors), *operators), closed=True),
        Ruleset("main by pull request", (MAIN,), lasting=True, review=True, owners=True, checks=CHECKS),
        Ruleset("flags keep their history", (FLAGS,), lasting=True),
        Ruleset("flags by the page or by pull request", (FLAGS,), bypass=flag_apps, review=True),
        Ruleset("images by their app", (IMAGES,), bypass=tuple(_apps([int(github.images_app)])), closed=True),
        # An app's own permissions let it write to all branches or to none.
        Ruleset("other branches are people's", ("~ALL",), excluded=(*REGIONS, MAIN, FLAGS, IMAGES, DEPENDABOT),
                bypass=tuple(Actor("RepositoryRole", role) for role in PEOPLE.values()), closed=True),
    ]  # fmt: skip


def _apps(numbers: Iterable[int]) -> list[Actor]:
    return [Actor("Integration", number) for number in sorted(numbers)]
