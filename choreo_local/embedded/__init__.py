"""A Kubernetes-compatible cluster in this process."""
