"""The CrossGuard pack: `pulumi preview --policy-pack policy`. Each rule is a mandatory policy of the stack."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pulumi_policy import (  # noqa: E402
    EnforcementLevel,
    Policy,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

import fleet  # noqa: E402
from policy.catalogue import RULES  # noqa: E402
from policy.rules import Resource, Rule  # noqa: E402


def _region(urn: str) -> fleet.Region:
    """The region of a resource's stack: urn:pulumi:STACK::PROJECT::…"""
    return _named(urn.split("::")[0].rpartition(":")[2])


@cache
def _named(stack: str) -> fleet.Region:
    """A region of the checkout that the pack is in; read once, not for each of a hundred resources."""
    return fleet.read(ROOT).region(stack)


def _policy(rule: Rule) -> Policy:
    """A rule as a policy: on each resource, before it is made, or on the whole stack."""
    if rule.each:
        look = rule.each

        def validate(arguments: ResourceValidationArgs, report: ReportViolation) -> None:
            resource = Resource(arguments.resource_type, arguments.name, arguments.props, arguments.opts.protect)
            if rule.applies(resource):
                for message in look(resource, _region(arguments.urn)):
                    report(message, None)

        return ResourceValidationPolicy(rule.name, rule.description, validate, EnforcementLevel.MANDATORY)

    def validate_stack(arguments: StackValidationArgs, report: ReportViolation) -> None:
        resources = [
            Resource(each.resource_type, each.name, each.props, each.opts.protect, each.urn)
            for each in arguments.resources
        ]
        for violation in rule.violations(resources, _region(arguments.resources[0].urn)):
            report(violation.message, violation.resource.urn)

    return StackValidationPolicy(rule.name, rule.description, validate_stack, EnforcementLevel.MANDATORY)


PolicyPack("regions", [_policy(rule) for rule in RULES])
