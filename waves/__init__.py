"""The rollout: a commit on main reaches the regions' branches wave by wave, and no branch moves without proof.

Packages, lowest first. Each imports only those before it:

    rollout/   the rules, pure: states of regions, the plan, operations, metrics, one pass of the conductor
    scm/       the git host: refs, receipts, pull requests, and the conductor's command
    review/    a change before it is merged: affected regions, previews, rendered objects, preflight, the comment
    regions/   one region: update, drift, fitness, a new stack file, CI's jobs
    images/    the repository's own images
    cli/       the commands of `regions`

The package imports fleet/, and neither components/ nor sandbox/.
"""
