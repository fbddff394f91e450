"""The control plane's logs of a region on Azure, in a Log Analytics workspace."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_azure_native as azure

from components.shared.cluster import LOG_DAYS, ChildOptions
from fleet import Region

LOGS = [
    "kube-audit-admin",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "cluster-autoscaler",
    "guard",
]
"""The control plane's logs. `kube-audit-admin` leaves out reads, which make up most of `kube-audit` and of its price."""


def log_workspace(
    region: Region,
    group: azure.resources.ResourceGroup,
    options: ChildOptions,
    depends_on: Sequence[pulumi.Resource],
) -> azure.operationalinsights.Workspace:
    """The workspace that keeps the logs.

    Azure keeps a deleted workspace for 14 days. A new one of the same name in the same group recovers its logs:
    learn.microsoft.com/azure/azure-monitor/logs/delete-workspace.
    """
    return azure.operationalinsights.Workspace(
        region.name,
        workspace_name=region.name,
        resource_group_name=group.name,
        sku=azure.operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
        retention_in_days=LOG_DAYS[region.wave.production],
        tags=region.tags,
        opts=options.protected(depends_on=depends_on),
    )


def send_logs(
    region: Region,
    cluster: azure.containerservice.ManagedCluster,
    workspace: azure.operationalinsights.Workspace,
    options: ChildOptions,
) -> None:
    """Send the control plane's logs to the workspace."""
    azure.monitor.DiagnosticSetting(
        region.name,
        name="control-plane",
        resource_uri=cluster.id,
        workspace_id=workspace.id,
        log_analytics_destination_type="Dedicated",
        logs=[azure.monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True) for category in LOGS],
        opts=options.default(),
    )
