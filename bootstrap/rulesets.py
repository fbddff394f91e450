"""Who may move which branch: rulesets of the repository. Each app keeps to its own branches; nobody pushes to main.

Source: docs.github.com, "Available rules for rulesets". What is allowed must pass every ruleset that names the branch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bootstrap.plan import Plan

ACTIONS_APP = 15368
"""GitHub Actions. Required checks count from it alone: the apps that post receipts could post a check's name as well."""
CHECKS = ("lint, types, tests", "verdict")
"""Jobs of .github/workflows/preview.yml."""
PEOPLE = {"maintain": 2, "write": 4, "admin": 5}
"""The numbers of the repository's roles: registry.terraform.io, github_repository_ruleset."""
REGIONS = ("refs/heads/region/**", "refs/heads/region/**/*")
DEPENDABOT = "refs/heads/dependabot/**/*"
"""Left open: nothing trusts them, and what comes from them is a pull request like any other."""
MAIN, FLAGS, IMAGES = "refs/heads/main", "refs/heads/flags", "refs/heads/images"


@dataclass(frozen=True)
class Actor:
    """Whom a ruleset does not hold: an app (`Integration`), a team or a role of the repository."""

    kind: str
    number: int


@dataclass(frozen=True)
class Ruleset:
    """What is held, by which rules, and who is not."""

    name: str
    branches: tuple[str, ...]
    but: tuple[str, ...] = ()
    bypass: tuple[Actor, ...] = ()
    closed: bool = False
    """Whether branches may be made, moved and deleted by those of `bypass` alone."""
    lasting: bool = False
    """Whether branches may not be deleted, nor lose commits."""
    review: bool = False
    """Whether changes come by a pull request that somebody else has approved."""
    owners: bool = False
    """Whether that is an owner of each file that it touches; a file without an owner then needs nobody's word."""
    checks: tuple[str, ...] = field(default=())


def rulesets(plan: Plan) -> list[Ruleset]:
    """All of them."""
    github = plan.settings.github
    operators = [Actor("Team", team) for team in github.operators]
    flaggers = tuple(_apps(plan.flaggers))
    return [
        # Also back, by force: `regions rollback` does so, under a lease.
        Ruleset("regions move by the conductor", REGIONS, bypass=(*_apps(plan.conductors), *operators), closed=True),
        Ruleset("main by pull request", (MAIN,), lasting=True, review=True, owners=True, checks=CHECKS),
        Ruleset("flags keep their history", (FLAGS,), lasting=True),
        Ruleset("flags by the page or by pull request", (FLAGS,), bypass=flaggers, review=True),
        Ruleset("images by their app", (IMAGES,), bypass=tuple(_apps([int(github.images_app)])), closed=True),
        # An app may write to all branches or to none, as far as its own permissions go.
        Ruleset("other branches are people's", ("~ALL",), but=(*REGIONS, MAIN, FLAGS, IMAGES, DEPENDABOT),
                bypass=tuple(Actor("RepositoryRole", role) for role in PEOPLE.values()), closed=True),
    ]  # fmt: skip


def _apps(numbers: Iterable[int]) -> list[Actor]:
    return [Actor("Integration", number) for number in sorted(numbers)]
