"""Layout tables made from the Go types of Kubernetes."""
