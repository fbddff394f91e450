"""The region as Pulumi components: the only place that creates resources. Knows fleet/, and nothing of waves/ or sandbox/.

region.py puts the others together: a cloud's cluster (aws.py, gcp.py, azure.py), Argo CD and Argo Workflows
(argocd.py, argo_workflows.py) from the manifests in upstream/, and the region's Application (application.py).
"""
