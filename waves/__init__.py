"""The rollout: a commit on main reaches the regions' branches wave by wave, and nothing moves without proof.

    model.py      what a plan is made from, and what it is
    standing.py   how each region stands to a commit: receipts, soak, deadline (pure)
    plan.py       which branches move now, and why the others do not (pure)
    operate.py    what people may do: pause, roll back, waive, retry, retire (pure)
    acts.py       the same on the command line, recorded
    view.py       a rollout as data for people and programs (pure)
    regions.py    what a checkout says of regions; a new region's stack file
    doctor.py     whether a machine is fit to build a region
    promote.py    one pass: read, plan, push
    refs.py       git: refs at one moment, atomic pushes, the ledger's log
    ledger.py     the ledger as text
    receipts.py   GitHub's commit statuses
    infra.py      `pulumi up` for a region's commit, and the receipt for it
    host.py       which host a checkout belongs to
    console.py    what all commands share

docs/rollout.md has the rules. Knows fleet/, and nothing of components/ or sandbox/.
"""
