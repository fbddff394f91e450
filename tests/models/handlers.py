"""Which actions a resource's life needs on AWS, after the resource handlers of AWS's own CloudFormation."""

from __future__ import annotations

from collections.abc import Mapping

from tests.models.judge import definitions

TYPES: Mapping[str, tuple[str, ...]] = {
    "aws:backup/plan:Plan": ("AWS::Backup::BackupPlan",),
    "aws:backup/selection:Selection": ("AWS::Backup::BackupSelection",),
    "aws:backup/vault:Vault": ("AWS::Backup::BackupVault",),
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": ("AWS::Backup::BackupVault",),
    "aws:cloudwatch/logGroup:LogGroup": ("AWS::Logs::LogGroup",),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("AWS::EC2::SecurityGroup",),
    "aws:ec2/eip:Eip": ("AWS::EC2::EIP",),
    "aws:ec2/internetGateway:InternetGateway": ("AWS::EC2::InternetGateway", "AWS::EC2::VPCGatewayAttachment"),
    "aws:ec2/launchTemplate:LaunchTemplate": ("AWS::EC2::LaunchTemplate",),
    "aws:ec2/natGateway:NatGateway": ("AWS::EC2::NatGateway",),
    "aws:ec2/route:Route": ("AWS::EC2::Route",),
    "aws:ec2/routeTable:RouteTable": ("AWS::EC2::RouteTable",),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("AWS::EC2::SubnetRouteTableAssociation",),
    "aws:ec2/subnet:Subnet": ("AWS::EC2::Subnet",),
    "aws:ec2/vpc:Vpc": ("AWS::EC2::VPC",),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("AWS::EC2::VPCEndpoint",),
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": ("AWS::EC2::TransitGatewayVpcAttachment",),
    "aws:eks/accessEntry:AccessEntry": ("AWS::EKS::AccessEntry",),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": ("AWS::EKS::AccessEntry",),
    "aws:eks/addon:Addon": ("AWS::EKS::Addon",),
    "aws:eks/cluster:Cluster": ("AWS::EKS::Cluster",),
    "aws:eks/nodeGroup:NodeGroup": ("AWS::EKS::Nodegroup",),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": ("AWS::EKS::PodIdentityAssociation",),
    "aws:iam/role:Role": ("AWS::IAM::Role",),
    "aws:iam/rolePolicy:RolePolicy": ("AWS::IAM::RolePolicy",),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("AWS::IAM::Role",),
    "aws:kms/alias:Alias": ("AWS::KMS::Alias",),
    "aws:kms/key:Key": ("AWS::KMS::Key",),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("AWS::EC2::SecurityGroupIngress",),
}
"""CloudFormation's types for each of the program's types."""


def actions(kind: str) -> set[str]:
    """The actions that create, read, update and delete a resource of the program's type."""
    known = definitions("cloudformation")
    return {action for name in TYPES[kind] for handler in known[name].values() for action in handler}
