"""Rules of the SIMULATED Azure for Azure Monitor: settings are records without a log.

Source: learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings.
"""

from __future__ import annotations

from typing import Final

from sandbox.clouds.azure.agent_pools import CLUSTER
from sandbox.clouds.azure.common import SDK, to
from sandbox.clouds.azure.identity import WORKSPACE
from sandbox.clouds.core.model import CloudError, Context, Name, ResourceRule, documented_at
from sandbox.clouds.core.store import Transaction

_AKS_LOGS: Final = frozenset(
    ("cloud-controller-manager", "cluster-autoscaler", "csi-azuredisk-controller", "csi-azurefile-controller",
     "csi-snapshot-controller", "fleet-mcs-controller-manager", "fleet-member-agent", "fleet-member-net-controller-manager",
     "guard", "karpenter-events", "kube-apiserver", "kube-audit", "kube-audit-admin", "kube-controller-manager",
     "kube-scheduler")
)  # fmt: skip


def _somewhere_to_go(context: Context, tx: Transaction) -> None:
    if not any(context.get(key) for key in ("workspaceId", "storageAccountId", "eventHubAuthorizationRuleId")):
        raise CloudError("BadRequest: At least one data sink needs to be specified.")


@documented_at("learn.microsoft.com/azure/aks/monitor-aks-reference")
def _known_categories(context: Context, tx: Transaction) -> None:
    categories = [log.get("category") for log in context.get("logs") or () if log.get("category")]
    unknown = [category for category in categories if category not in _AKS_LOGS]
    if unknown:
        raise CloudError(f"BadRequest: Category '{unknown[0]}' is not supported")


RULES: Final = (
    ResourceRule(
        "azure-native:monitor:DiagnosticSetting",
        source="learn.microsoft.com/azure/azure-monitor/platform/diagnostic-settings",
        id="{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
        name=Name("name", "{name}{hex8}"),
        exists="cannot create already existing resource '{id}'",
        replace=("resourceUri", "name"),
        outputs={
            "type": "Microsoft.Insights/diagnosticSettings",
            "azureApiVersion": lambda c: SDK.resource(c.rule.token).api_version,
        },
        references=(to("resourceUri", CLUSTER, cascade=True), to("workspaceId", WORKSPACE)),
        checks=(_somewhere_to_go, _known_categories),
    ),
)
