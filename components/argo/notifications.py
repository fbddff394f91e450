"""A region's receipts: Argo CD Notifications posts a commit status on the deployed commit, by the GitHub service.

A success stands for three facts: a whole sync of that very commit, its hooks (the gate tests) passed, and the region is healthy.
Argo CD appends to its history after exactly such syncs. The partial syncs of self-healing run no hook and leave no entry there.

Sources:

- argo-cd.readthedocs.io, operator-manual/notifications
- notifications-engine, pkg/services/github.go and pkg/triggers
"""

from __future__ import annotations

import json

from fleet import Region
from fleet.repository import api_url

SECRET = "argocd-notifications-secret"
"""Upstream's name. The controller resolves `$` references of its config map in this Secret alone."""
SECRET_KEY = "github-private-key"
CONFIG_MAP = "argocd-notifications-cm"

DEGRADED_MINUTES = 2
"""Minutes that pods may be missing at a proven commit, as during a node's drain, before the region posts a failure."""
_OPERATION = "app.status?.operationState"
_PROVEN = "app.status?.history?.[-1]?.revision == app.status?.sync?.revision"
_CONDITIONS = {
    # oncePer: Argo CD never forgets a key, so the key has to differ when the same state comes again. Examples: a manual sync
    # of the same commit, and a recovery of health.
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
        f"time.Now().Sub(time.Parse(app.status.health.lastTransitionTime)).Minutes() >= {DEGRADED_MINUTES})",
        "app.status.sync.revision + ' ' + (app.status.health.lastTransitionTime ?? '')",
    ),
}
"""Receipt to its condition, and to the key (`oncePer`) that tells a new receipt from the one before."""
_FAILED_PARTS = (
    "{{range .app.status.operationState.syncResult.resources}}{{if .hookPhase}}{{if eq .hookPhase `Failed` `Error`}}"
    "{{.kind}} {{.name}}: {{.message}}. {{end}}{{end}}{{end}}"
)
"""The objects and hooks that failed, each with its reason, before other text: GitHub truncates a description."""
_SYNCED_COMMIT, _ATTEMPTED_COMMIT = (
    "{{.app.status.sync.revision}}",
    "{{.app.status.operationState.syncResult.revision}}",
)
_STATUSES = {
    "passed": ("success", _SYNCED_COMMIT, "synced, its tests passed, healthy"),
    "failed": ("failure", _ATTEMPTED_COMMIT, _FAILED_PARTS + "{{.app.status.operationState.message}}"),
    "degraded": ("failure", _SYNCED_COMMIT, "{{.app.status.health.status}} after it had passed"),
}
"""Receipt to the status's state, its commit, and its description (GitHub keeps 140 characters)."""


def settings(region: Region, repository: str) -> dict[str, str]:
    """The data of argocd-notifications-cm: the service, and for each receipt a trigger and a template. JSON is YAML too."""
    service = {
        "appID": region.settings.github_apps.status.app_id,
        "installationID": region.settings.github_apps.status.installation_id,
        "privateKey": f"${SECRET_KEY}",
    }
    enterprise = api_url(repository)
    if enterprise:
        service["enterpriseBaseURL"] = enterprise
    data = {
        "service.github": json.dumps(service),
        "subscriptions": json.dumps([{"recipients": ["github"], "triggers": list(_CONDITIONS)}]),
    }
    for name, (when, once_per) in _CONDITIONS.items():
        state, commit, description = _STATUSES[name]
        status = {"state": state, "label": f"{region.branch}/apps"}
        template = {"message": description, "github": {"status": status, "revisionPath": commit}}
        data[f"trigger.{name}"] = json.dumps([{"when": when, "oncePer": once_per, "send": [name]}])
        data[f"template.{name}"] = json.dumps(template)
    return data
