"""The region as Pulumi components: the only place that creates resources. Knows fleet/, and nothing of waves/ or sandbox/.

region.py puts a region together:

- the cluster of its cloud: aws/, gcp/ or azure/
- Argo CD, Argo Workflows and the region's Application: argo/, from the manifests in upstream/
- the parts that all of them share: shared/
"""
