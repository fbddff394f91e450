"""Rules of the SIMULATED Azure for Azure Backup for AKS: vaults, policies, agents and storage are records without a
backup.

Source: learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-concept, and for names
learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules.
"""

from __future__ import annotations

from typing import Any, Final

from sandbox.clouds.azure.agent_pools import CLUSTER, CLUSTERS
from sandbox.clouds.azure.common import GROUP, arm, cluster_operation, path, to
from sandbox.clouds.azure.identity import granted
from sandbox.clouds.core import property_paths
from sandbox.clouds.core.model import CloudError, Context, documented_at
from sandbox.clouds.core.store import Row, Transaction

ACCOUNT: Final = "azure-native:storage:StorageAccount"
VAULT: Final = "azure-native:dataprotection:BackupVault"
POLICY: Final = "azure-native:dataprotection:BackupPolicy"
EXTENSION: Final = "azure-native:kubernetesconfiguration:Extension"
TRUSTED_ACCESS: Final = "azure-native:containerservice:TrustedAccessRoleBinding"

_ACCOUNTS: Final = "Microsoft.Storage/storageAccounts/{accountName}"
_VAULTS: Final = "Microsoft.DataProtection/backupVaults/{vaultName}"
_OF_CLUSTER: Final = "Microsoft.ContainerService/managedClusters/{clusterName}"
_READER: Final = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
_CONTRIBUTOR: Final = "b24988ac-6180-42a0-ab88-20f7382dd24c"


@documented_at("learn.microsoft.com/azure/backup/azure-kubernetes-service-cluster-backup-concept")
def _may_back_up(context: Context, tx: Transaction) -> None:
    """Azure validates an instance before it takes it: agent, trusted access and roles have to be there."""
    cluster = context.find((CLUSTER,), str(context.get("properties.dataSourceInfo.resourceID")))
    vault = context.find((VAULT,), context.text(path(_VAULTS)))
    assert cluster is not None
    assert vault is not None
    kinds = {holder.type for holder, _ in tx.holders(cluster.uid)}
    if EXTENSION not in kinds:
        raise CloudError(
            "UserErrorKubernetesBackupExtensionNotInstalled: The backup extension is not installed in the cluster."
        )
    if not any(_trusts(holder, vault) for holder, _ in tx.holders(cluster.uid)):
        raise CloudError(
            "UserErrorTrustedAccessNotEnabled: Trusted access is not enabled between the vault and the cluster."
        )
    stores = property_paths.get(context.inputs, "properties.policyInfo.policyParameters.dataStoreParametersList") or [
        {}
    ]
    group = str(stores[0].get("resourceGroupId", ""))
    managed = str(property_paths.get(vault.outputs, "identity.principalId", ""))
    own = [
        str(row["principalId"]) for row in (cluster.outputs["identity"].get("userAssignedIdentities") or {}).values()
    ]
    missing = [
        f"{name} at {scope}"
        for name, scope, principal, role in (
            ("Reader of the vault", cluster.id, managed, _READER),
            ("Reader of the vault", group, managed, _READER),
            ("Contributor of the cluster", group, next(iter(own), ""), _CONTRIBUTOR),
        )
        if not granted(context, scope, principal, role)
    ]
    if missing:
        raise CloudError(f"UserErrorMissingPermissions: Appropriate permissions are missing: {'; '.join(missing)}")


def _trusts(holder: Row, vault: Row) -> bool:
    return holder.type == TRUSTED_ACCESS and str(holder.inputs.get("sourceResourceId")).lower() == vault.id.lower()


def _in_vault() -> Any:
    return to(
        "vaultName",
        VAULT,
        delete_error="BMSUserErrorContainsBackupInstances: vault {target} contains {holder}. Delete that first.",
        value=path(_VAULTS),
    )


RULES: Final = (
    arm(
        ACCOUNT,
        _ACCOUNTS,
        "accountName",
        name_pattern=r"[a-z0-9]{3,24}",
        replace=("location", "isHnsEnabled"),
        outputs={
            "primaryEndpoints": lambda c: {"blob": f"https://{c['accountName']}.blob.core.windows.net/"},
            "creationTime": "{now}",
            "primaryLocation": "{location}",
            "statusOfPrimary": "available",
        },
    ),
    arm(
        "azure-native:storage:BlobContainer",
        f"{_ACCOUNTS}/blobServices/default/containers/{{containerName}}",
        "containerName",
        name_pattern=r"[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9]",
        outputs={"hasImmutabilityPolicy": False, "hasLegalHold": False, "leaseState": "Available"},
        references=(to("accountName", ACCOUNT, cascade=True, value=path(_ACCOUNTS)),),
    ),
    arm(
        VAULT,
        _VAULTS,
        "vaultName",
        name_pattern=r"[A-Za-z][A-Za-z0-9-]{1,49}",
        replace=("location",),
        outputs={"identity.principalId": "{uuid}", "identity.tenantId": "{tenant}"},
    ),
    arm(
        POLICY,
        f"{_VAULTS}/backupPolicies/{{backupPolicyName}}",
        "backupPolicyName",
        name_pattern=r"[A-Za-z][A-Za-z0-9-]{2,149}",
        references=(to("vaultName", VAULT, cascade=True, value=path(_VAULTS)),),
    ),
    arm(
        "azure-native:dataprotection:BackupInstance",
        f"{_VAULTS}/backupInstances/{{backupInstanceName}}",
        "backupInstanceName",
        references=(
            _in_vault(),
            to("properties.dataSourceInfo.resourceID", CLUSTER),
            to(
                "properties.policyInfo.policyId",
                POLICY,
                delete_error="UserErrorPolicyInUse: policy {target} is used by {holder}.",
            ),
            to("properties.policyInfo.policyParameters.dataStoreParametersList.resourceGroupId", GROUP),
        ),
        checks=(_may_back_up,),
    ),
    arm(
        EXTENSION,
        f"{_OF_CLUSTER}/providers/Microsoft.KubernetesConfiguration/extensions/{{extensionName}}",
        "extensionName",
        replace=("extensionType", "clusterRp", "clusterResourceName", "clusterName"),
        outputs={
            "aksAssignedIdentity": lambda c: {"principalId": c["uuid"], "tenantId": c["tenant"], "type": "SystemAssigned"},
            "installedVersion": "0.0.0",
            "isSystemExtension": False,
        },
        references=(to("clusterName", CLUSTER, cascade=True, value=path(_OF_CLUSTER)),),
        **cluster_operation(_OF_CLUSTER),
    ),
    arm(
        TRUSTED_ACCESS,
        f"{CLUSTERS}/trustedAccessRoleBindings/{{trustedAccessRoleBindingName}}",
        "trustedAccessRoleBindingName",
        name_pattern=r"[A-Za-z][A-Za-z0-9-]{0,23}",
        replace=("sourceResourceId",),
        references=(
            to("resourceName", CLUSTER, cascade=True, value=path(CLUSTERS)),
            to("sourceResourceId", VAULT),
        ),
        **cluster_operation(CLUSTERS),
    ),
)  # fmt: skip
