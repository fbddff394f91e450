"""How a region says what became of a commit: Argo CD Notifications posts a commit status on it, by the GitHub service.

A success stands for a whole sync of that very commit whose hooks, the gate tests, ran and passed, and for health after it. Argo CD
appends to its history after exactly such syncs: the partial ones of self-healing run no hook and leave no entry there.
Sources: argo-cd.readthedocs.io, operator-manual/notifications; notifications-engine, pkg/services/github.go and pkg/triggers.
"""

from __future__ import annotations

import json

from fleet import Region
from fleet.repository import api_url

SECRET = "argocd-notifications-secret"
"""Upstream's name: the controller reads `$` references of its config map there, and nowhere else."""
SECRET_KEY = "github-private-key"
CONFIG_MAP = "argocd-notifications-cm"

UNWELL_MINUTES = 2
"""How long pods may be missing at a commit that was proven, as while a node is drained, before the region takes its word back."""
_OPERATION = "app.status?.operationState"
_PROVEN = "app.status?.history?.[-1]?.revision == app.status?.sync?.revision"
_WHEN = {
    # oncePer: a key is never forgotten, so it has to differ when the same state comes a second time: after a manual sync of
    # the same commit, or when health came back.
    "passed": (
        f"{_OPERATION}?.phase == 'Succeeded' and {_OPERATION}?.syncResult?.revision == app.status?.sync?.revision and "
        f"{_PROVEN} and app.status?.sync?.status == 'Synced' and app.status?.health?.status == 'Healthy'",
        "app.status.sync.revision + ' ' + app.status.history[-1].deployedAt + ' ' + "
        "(app.status.health.lastTransitionTime ?? '')",
    ),
    "failed": (
        f"{_OPERATION}?.phase in ['Failed', 'Error'] and {_OPERATION}?.syncResult?.revision != nil",
        "app.status.operationState.syncResult.revision + ' ' + app.status.operationState.startedAt",
    ),
    # A StatefulSet whose pods go away is never Degraded to Argo CD, only Progressing, as it is for a moment after any change.
    "degraded": (
        f"{_PROVEN} and {_OPERATION}?.phase == 'Succeeded' and (app.status?.health?.status in ['Degraded', 'Missing'] or "
        "app.status?.health?.status == 'Progressing' and "
        f"time.Now().Sub(time.Parse(app.status.health.lastTransitionTime)).Minutes() >= {UNWELL_MINUTES})",
        "app.status.sync.revision + ' ' + (app.status.health.lastTransitionTime ?? '')",
    ),
}
"""Receipt to the condition for it, and to what makes one of its kind different from the one before."""
_FAILED_PARTS = (
    "{{range .app.status.operationState.syncResult.resources}}{{if .hookPhase}}{{if eq .hookPhase `Failed` `Error`}}"
    "{{.kind}} {{.name}}: {{.message}}. {{end}}{{end}}{{end}}"
)
"""The objects and hooks that failed, each with its reason: first, since GitHub cuts a description off."""
_SYNCED, _TRIED = "{{.app.status.sync.revision}}", "{{.app.status.operationState.syncResult.revision}}"
_SAYS = {
    "passed": ("success", _SYNCED, "synced, its tests passed, healthy"),
    "failed": ("failure", _TRIED, _FAILED_PARTS + "{{.app.status.operationState.message}}"),
    "degraded": ("failure", _SYNCED, "{{.app.status.health.status}} after it had passed"),
}
"""Receipt to the status's state, its commit, and its description (GitHub keeps 140 characters)."""


def settings(region: Region, repository: str) -> dict[str, str]:
    """The data of argocd-notifications-cm: the service, and for each receipt a trigger and a template. JSON is YAML too."""
    service = {
        "appID": region.settings.receipts_app,
        "installationID": region.settings.receipts_installation,
        "privateKey": f"${SECRET_KEY}",
    }
    enterprise = api_url(repository)
    if enterprise:
        service["enterpriseBaseURL"] = enterprise
    data = {
        "service.github": json.dumps(service),
        "subscriptions": json.dumps([{"recipients": ["github"], "triggers": list(_WHEN)}]),
    }
    for name, (when, once_per) in _WHEN.items():
        state, commit, description = _SAYS[name]
        status = {"state": state, "label": f"{region.branch}/apps"}
        template = {"message": description, "github": {"status": status, "revisionPath": commit}}
        data[f"trigger.{name}"] = json.dumps([{"when": when, "oncePer": once_per, "send": [name]}])
        data[f"template.{name}"] = json.dumps(template)
    return data
