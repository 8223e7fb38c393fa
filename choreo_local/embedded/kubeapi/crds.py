"""CustomResourceDefinitions: what makes their resources served."""
