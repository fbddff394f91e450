"""A region's cluster on AWS: EKS and all that it needs."""
