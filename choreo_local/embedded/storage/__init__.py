"""The revisioned store under the kube API."""
