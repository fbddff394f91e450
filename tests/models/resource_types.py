"""Which of a cloud's API models judges a resource type's inputs, and where a provider's name is not the cloud's."""

from __future__ import annotations

from collections.abc import Mapping

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "aws:backup/plan:Plan": ("backup.CreateBackupPlan",),
    "aws:backup/selection:Selection": ("backup.CreateBackupSelection",),
    "aws:backup/vault:Vault": ("backup.CreateBackupVault",),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": ("backup.PutBackupVaultLockConfiguration",),
    "aws:cloudwatch/logGroup:LogGroup": ("logs.CreateLogGroup", "logs.PutRetentionPolicy"),
    "aws:ec2/eip:Eip": ("ec2.AllocateAddress",),
    "aws:ec2/internetGateway:InternetGateway": ("ec2.CreateInternetGateway", "ec2.AttachInternetGateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": ("ec2.CreateLaunchTemplate",),
    "aws:ec2/natGateway:NatGateway": ("ec2.CreateNatGateway",),
    "aws:ec2/route:Route": ("ec2.CreateRoute",),
    "aws:ec2/routeTable:RouteTable": ("ec2.CreateRouteTable",),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("ec2.AssociateRouteTable",),
    "aws:ec2/subnet:Subnet": ("ec2.CreateSubnet", "ec2.ModifySubnetAttribute"),
    "aws:ec2/vpc:Vpc": ("ec2.CreateVpc", "ec2.ModifyVpcAttribute"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("ec2.CreateVpcEndpoint",),
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": ("ec2.CreateTransitGatewayVpcAttachment",),
    "aws:ec2transitgateway/transitGateway:TransitGateway": ("ec2.CreateTransitGateway",),
    "aws:eks/accessEntry:AccessEntry": ("eks.CreateAccessEntry",),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": ("eks.AssociateAccessPolicy",),
    "aws:eks/addon:Addon": ("eks.CreateAddon", "eks.UpdateAddon"),
    "aws:eks/cluster:Cluster": ("eks.CreateCluster",),
    "aws:eks/nodeGroup:NodeGroup": ("eks.CreateNodegroup", "eks.UpdateNodegroupVersion"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": ("eks.CreatePodIdentityAssociation",),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("iam.CreateOpenIDConnectProvider",),
    "aws:iam/policy:Policy": ("iam.CreatePolicy",),
    "aws:iam/role:Role": ("iam.CreateRole",),
    "aws:iam/rolePolicy:RolePolicy": ("iam.PutRolePolicy",),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("iam.AttachRolePolicy",),
    "aws:kms/alias:Alias": ("kms.CreateAlias",),
    "aws:kms/key:Key": ("kms.CreateKey", "kms.EnableKeyRotation", "kms.ScheduleKeyDeletion"),
    "aws:ram/principalAssociation:PrincipalAssociation": ("ram.AssociateResourceShare",),
    "aws:ram/resourceAssociation:ResourceAssociation": ("ram.AssociateResourceShare",),
    "aws:ram/resourceShare:ResourceShare": ("ram.CreateResourceShare",),
    "aws:s3/bucket:Bucket": ("s3.CreateBucket",),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ("s3.PutBucketLifecycleConfiguration",),
    "aws:s3/bucketObjectv2:BucketObjectv2": ("s3.PutObject",),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ("s3.PutBucketOwnershipControls",),
    "aws:s3/bucketPolicy:BucketPolicy": ("s3.PutBucketPolicy",),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("s3.PutPublicAccessBlock",),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "s3.PutBucketEncryption",
    ),
    "aws:s3/bucketVersioning:BucketVersioning": ("s3.PutBucketVersioning",),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("ec2.AuthorizeSecurityGroupIngress",),
}
"""The operations of AWS that make a resource of the type. Together, they know each of its inputs."""

SCHEMAS: Mapping[str, str] = {
    "azure-native:authorization:RoleAssignment": "authorization.RoleAssignmentCreateParameters",
    "azure-native:authorization:RoleDefinition": "authorization.RoleDefinition",
    "azure-native:containerservice:AgentPool": "containerservice.AgentPool",
    "azure-native:containerservice:MaintenanceConfiguration": "containerservice.MaintenanceConfiguration",
    "azure-native:containerservice:ManagedCluster": "containerservice.ManagedCluster",
    "azure-native:containerservice:TrustedAccessRoleBinding": "containerservice.TrustedAccessRoleBinding",
    "azure-native:dataprotection:BackupInstance": "dataprotection.BackupInstanceResource",
    "azure-native:dataprotection:BackupPolicy": "dataprotection.BaseBackupPolicyResource",
    "azure-native:dataprotection:BackupVault": "dataprotection.BackupVaultResource",
    "azure-native:keyvault:Key": "keyvault.KeyCreateParameters",
    "azure-native:keyvault:Vault": "keyvault.VaultCreateOrUpdateParameters",
    "azure-native:kubernetesconfiguration:Extension": "kubernetesconfiguration.Extension",
    "azure-native:managedidentity:FederatedIdentityCredential": "managedidentity.FederatedIdentityCredential",
    "azure-native:managedidentity:UserAssignedIdentity": "managedidentity.Identity",
    "azure-native:monitor:DiagnosticSetting": "monitor.DiagnosticSettingsResource",
    "azure-native:network:NatGateway": "network.NatGateway",
    "azure-native:network:PublicIPAddress": "network.PublicIPAddress",
    "azure-native:network:Subnet": "network.Subnet",
    "azure-native:network:VirtualNetwork": "network.VirtualNetwork",
    "azure-native:network:VirtualNetworkPeering": "network.VirtualNetworkPeering",
    "azure-native:operationalinsights:Workspace": "operationalinsights.Workspace",
    "azure-native:privatedns:PrivateZone": "privatedns.PrivateZone",
    "azure-native:privatedns:VirtualNetworkLink": "privatedns.VirtualNetworkLink",
    "azure-native:resources:ResourceGroup": "resources.ResourceGroup",
    "azure-native:storage:BlobContainer": "storage.BlobContainer",
    "azure-native:storage:StorageAccount": "storage.StorageAccountCreateParameters",
    "gcp:compute/network:Network": "compute.Network",
    "gcp:compute/router:Router": "compute.Router",
    "gcp:compute/routerNat:RouterNat": "compute.RouterNat",
    "gcp:compute/subnetwork:Subnetwork": "compute.Subnetwork",
    "gcp:container/cluster:Cluster": "container.Cluster",
    "gcp:container/nodePool:NodePool": "container.NodePool",
    "gcp:gkebackup/backupPlan:BackupPlan": "gkebackup.BackupPlan",
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": "iam.WorkloadIdentityPool",
    "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": "iam.WorkloadIdentityPoolProvider",
    "gcp:kms/cryptoKey:CryptoKey": "cloudkms.CryptoKey",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": "cloudkms.Binding",
    "gcp:kms/keyRing:KeyRing": "cloudkms.KeyRing",
    "gcp:projects/iAMMember:IAMMember": "cloudresourcemanager.Binding",
    "gcp:projects/iAMCustomRole:IAMCustomRole": "iam.Role",
    "gcp:serviceaccount/iAMMember:IAMMember": "iam.Binding",
    "gcp:serviceaccount/account:Account": "iam.CreateServiceAccountRequest",
}
"""The schema of Google Cloud, or the class of Azure, that a resource of the type has."""

UNJUDGED: Mapping[str, str] = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "The provider only revokes the group's rules.",
    "gcp:projects/defaultServiceAccounts:DefaultServiceAccounts": "The provider takes the accounts' rights away.",
    "gcp:projects/service:Service": "The request's address names the service, and its body is empty.",
    "gcp:projects/serviceIdentity:ServiceIdentity": "The request's address names the service, and its body is empty.",
}
"""The types that no model judges, with the reason."""

UNSENT = ""
"""The name, in NAMES, of an input that is in no request's body: it is in the address, or only the provider reads it."""

AZURE_PLACES: Mapping[str, str] = {
    "authorization:RoleAssignment": "roleAssignmentName scope",
    "authorization:RoleDefinition": "roleDefinitionId scope",
    "containerservice:AgentPool": "agentPoolName resourceName",
    "containerservice:MaintenanceConfiguration": "configName resourceName",
    "containerservice:ManagedCluster": "resourceName",
    "containerservice:TrustedAccessRoleBinding": "resourceName trustedAccessRoleBindingName",
    "dataprotection:BackupInstance": "backupInstanceName vaultName",
    "dataprotection:BackupPolicy": "backupPolicyName vaultName",
    "dataprotection:BackupVault": "vaultName",
    "keyvault:Key": "keyName vaultName",
    "keyvault:Vault": "vaultName",
    "kubernetesconfiguration:Extension": "clusterName clusterResourceName clusterRp extensionName",
    "managedidentity:FederatedIdentityCredential": "federatedIdentityCredentialResourceName resourceName",
    "managedidentity:UserAssignedIdentity": "resourceName",
    "monitor:DiagnosticSetting": "name resourceUri",
    "network:NatGateway": "natGatewayName",
    "network:PublicIPAddress": "publicIpAddressName",
    "network:Subnet": "subnetName virtualNetworkName",
    "network:VirtualNetwork": "virtualNetworkName",
    "network:VirtualNetworkPeering": "virtualNetworkName virtualNetworkPeeringName",
    "operationalinsights:Workspace": "workspaceName",
    "privatedns:PrivateZone": "privateZoneName",
    "privatedns:VirtualNetworkLink": "privateZoneName virtualNetworkLinkName",
    "storage:BlobContainer": "accountName containerName",
}
"""The inputs of Azure's types that are in the request's address, besides the resource group."""

NAMES: Mapping[str, Mapping[str, str]] = {
    "azure-native:resources:ResourceGroup": {"resourceGroupName": UNSENT},
    **{
        f"azure-native:{kind}": dict.fromkeys(("resourceGroupName", *names.split()), UNSENT)
        for kind, names in AZURE_PLACES.items()
    },
    "azure-native:storage:StorageAccount": {
        "accountName": UNSENT,
        "enableHttpsTrafficOnly": "properties.supportsHttpsTrafficOnly",
        "resourceGroupName": UNSENT,
    },
    "aws:backup/plan:Plan": {
        "name": "BackupPlan.BackupPlanName",
        "rules": "BackupPlan.Rules",
        "BackupPlan.Rules.completionWindow": "CompletionWindowMinutes",
        "BackupPlan.Rules.lifecycle.deleteAfter": "DeleteAfterDays",
        "BackupPlan.Rules.schedule": "ScheduleExpression",
        "BackupPlan.Rules.startWindow": "StartWindowMinutes",
        "BackupPlan.Rules.targetVaultName": "TargetBackupVaultName",
    },
    "aws:backup/selection:Selection": {
        "conditions": "BackupSelection.Conditions",
        "iamRoleArn": "BackupSelection.IamRoleArn",
        "name": "BackupSelection.SelectionName",
        "planId": "BackupPlanId",
        "resources": "BackupSelection.Resources",
        "BackupSelection.Conditions.stringEquals.key": "ConditionKey",
        "BackupSelection.Conditions.stringEquals.value": "ConditionValue",
    },
    "aws:backup/vault:Vault": {"kmsKeyArn": "EncryptionKeyArn", "name": "BackupVaultName"},
    "aws:cloudwatch/logGroup:LogGroup": {"name": "logGroupName"},
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "blockDeviceMappings": "LaunchTemplateData.BlockDeviceMappings",
        "name": "LaunchTemplateName",
        "metadataOptions": "LaunchTemplateData.MetadataOptions",
        "tagSpecifications": "LaunchTemplateData.TagSpecifications",
        "updateDefaultVersion": UNSENT,
    },
    "aws:ec2/vpc:Vpc": {"enableDnsHostnames": "EnableDnsHostnames.Value", "enableDnsSupport": "EnableDnsSupport.Value"},
    "aws:ec2transitgateway/transitGateway:TransitGateway": {
        "autoAcceptSharedAttachments": "Options.AutoAcceptSharedAttachments",
    },
    "aws:eks/addon:Addon": {"resolveConflictsOnUpdate": "resolveConflicts"},
    "aws:eks/cluster:Cluster": {
        "enabledClusterLogTypes": "logging.clusterLogging.types",
        "vpcConfig": "resourcesVpcConfig",
    },
    "aws:eks/nodeGroup:NodeGroup": {"forceUpdateVersion": "force", "nodeRoleArn": "nodeRole", "subnetIds": "subnets"},
    "aws:iam/policy:Policy": {"name": "PolicyName", "policy": "PolicyDocument"},
    "aws:iam/role:Role": {"assumeRolePolicy": "AssumeRolePolicyDocument", "name": "RoleName"},
    "aws:iam/rolePolicy:RolePolicy": {"name": "PolicyName", "policy": "PolicyDocument", "role": "RoleName"},
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {"role": "RoleName"},
    "aws:kms/alias:Alias": {"name": "AliasName"},
    "aws:kms/key:Key": {"deletionWindowInDays": "PendingWindowInDays", "enableKeyRotation": UNSENT},
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {"rules": "LifecycleConfiguration.Rules"},
    "aws:s3/bucketObjectv2:BucketObjectv2": {"content": "Body"},
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {"rule": "OwnershipControls.Rules"},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
        name: f"PublicAccessBlockConfiguration.{name}"
        for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    },
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
        "rules": "ServerSideEncryptionConfiguration.Rules",
        "ServerSideEncryptionConfiguration.Rules.applyServerSideEncryptionByDefault.kmsMasterKeyId": "KMSMasterKeyID",
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        "cidrIpv4": "IpPermissions.IpRanges.CidrIp",
        "description": "IpPermissions.IpRanges.Description",
        "fromPort": "IpPermissions.FromPort",
        "ipProtocol": "IpPermissions.IpProtocol",
        "securityGroupId": "GroupId",
        "toPort": "IpPermissions.ToPort",
    },
    "gcp:compute/network:Network": {"routingMode": "routingConfig.routingMode"},
    "gcp:compute/routerNat:RouterNat": {"region": UNSENT, "router": UNSENT},
    "gcp:container/cluster:Cluster": {
        "datapathProvider": "networkConfig.datapathProvider",
        "deletionProtection": UNSENT,
        "enableLegacyAbac": "legacyAbac.enabled",
        "enableShieldedNodes": "shieldedNodes.enabled",
        "location": UNSENT,
        "loggingConfig.enableComponents": "componentConfig.enableComponents",
        "maintenancePolicy.maintenanceExclusions": "window.maintenanceExclusions",
        "maintenancePolicy.recurringWindow": "window.recurringWindow",
        "maintenancePolicy.window.maintenanceExclusions.exclusionOptions": "maintenanceExclusionOptions",
        "maintenancePolicy.window.recurringWindow.endTime": "window.endTime",
        "maintenancePolicy.window.recurringWindow.startTime": "window.startTime",
        "minMasterVersion": "initialClusterVersion",
        "monitoringConfig.enableComponents": "componentConfig.enableComponents",
        "monitoringConfig.managedPrometheus": "managedPrometheusConfig",
        "networkingMode": UNSENT,
        "removeDefaultNodePool": UNSENT,
    },
    "gcp:container/nodePool:NodePool": {"cluster": UNSENT, "location": UNSENT, "nodeConfig": "config"},
    "gcp:gkebackup/backupPlan:BackupPlan": {"location": UNSENT},
    "gcp:iam/workloadIdentityPool:WorkloadIdentityPool": {"project": UNSENT, "workloadIdentityPoolId": UNSENT},
    "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider": {
        "project": UNSENT,
        "workloadIdentityPoolId": UNSENT,
        "workloadIdentityPoolProviderId": UNSENT,
    },
    "gcp:kms/cryptoKey:CryptoKey": {"keyRing": UNSENT},
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": {"cryptoKeyId": UNSENT},
    "gcp:kms/keyRing:KeyRing": {"location": UNSENT},
    "gcp:projects/iAMMember:IAMMember": {"project": UNSENT},
    "gcp:projects/iAMCustomRole:IAMCustomRole": {
        "permissions": "includedPermissions",
        "project": UNSENT,
        "roleId": UNSENT,
    },
    "gcp:serviceaccount/iAMMember:IAMMember": {"serviceAccountId": UNSENT},
    "gcp:serviceaccount/account:Account": {"project": UNSENT, "displayName": "serviceAccount.displayName"},
}
"""The cloud's name of an input, by type and by the provider's path, where the letters differ.

A name with dots is a place inside the request, seen from the input's own object. The paths inside it start there.
"""

GENERATED: Mapping[str, str] = {
    "aws:backup/vault:Vault": "name",
    "aws:ec2/launchTemplate:LaunchTemplate": "name",
    "aws:eks/nodeGroup:NodeGroup": "nodeGroupName",
    "aws:iam/policy:Policy": "name",
}
"""The input in which Pulumi puts a generated name, where the program sets none and the cloud requires one."""

NAMED = {"maintenanceExclusions": "exclusionName"}
"""The mappings that the provider takes as a list, with the input that is an entry's name."""
