"""Cluster drivers: where the platform's Kubernetes API comes from."""
