"""The CrossGuard pack: `pulumi preview --policy-pack policy`. Each policy is mandatory for the stack."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from pulumi_policy import (  # noqa: E402
    EnforcementLevel,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

import fleet  # noqa: E402
from policy.catalogue import POLICIES  # noqa: E402
from policy.rules import Policy, Resource  # noqa: E402


def _region(urn: str) -> fleet.Region:
    """The region of a resource's stack: urn:pulumi:STACK::PROJECT::…"""
    return _named(urn.split("::")[0].rpartition(":")[2])


@cache
def _named(stack: str) -> fleet.Region:
    """A region of the pack's checkout. The cache reads the files once, not for each of a hundred resources."""
    return fleet.read(ROOT).region(stack)


def _as_pulumi(policy: Policy) -> ResourceValidationPolicy | StackValidationPolicy:
    """A policy as one of Pulumi's: on each resource before its creation, or on the whole stack."""
    if policy.check_resource:
        check = policy.check_resource

        def validate(arguments: ResourceValidationArgs, report: ReportViolation) -> None:
            resource = Resource(arguments.resource_type, arguments.name, arguments.props, arguments.opts.protect)
            if policy.applies(resource):
                for message in check(resource, _region(arguments.urn)):
                    report(message, None)

        return ResourceValidationPolicy(policy.name, policy.description, validate, EnforcementLevel.MANDATORY)

    def validate_stack(arguments: StackValidationArgs, report: ReportViolation) -> None:
        resources = [
            Resource(item.resource_type, item.name, item.props, item.opts.protect, item.urn)
            for item in arguments.resources
        ]
        for violation in policy.violations(resources, _region(arguments.resources[0].urn)):
            report(violation.message, violation.resource.urn)

    return StackValidationPolicy(policy.name, policy.description, validate_stack, EnforcementLevel.MANDATORY)


PolicyPack("regions", [_as_pulumi(policy) for policy in POLICIES])
