"""Real clients of Kubernetes, unmodified, against a running instance."""
