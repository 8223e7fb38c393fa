"""One asynchronous Kubernetes client for every cluster we meet."""
