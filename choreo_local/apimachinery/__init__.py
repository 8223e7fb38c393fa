"""The Kubernetes vocabulary without I/O: objects, conditions, selectors, patches, schemas."""
