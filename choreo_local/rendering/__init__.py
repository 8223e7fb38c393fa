"""Release + environment + plane to Kubernetes manifests; pure and deterministic."""
