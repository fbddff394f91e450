"""The rollout: a commit on main reaches the regions' branches wave by wave, and nothing moves without proof.

Packages, lowest first; each imports those before it alone:

    rollout/   the rules, pure: states of regions, the plan, operations, metrics, one pass of the conductor
    scm/       the git host: refs, receipts, pull requests, and the conductor's command
    review/    a change before it is merged: affected regions, previews, rendered objects, preflight, the comment
    regions/   one region: update, drift, fitness, a new stack file, CI's jobs
    images/    the repository's own images
    cli/       the commands of `regions`

It knows fleet/, and nothing of components/ or sandbox/.
"""
