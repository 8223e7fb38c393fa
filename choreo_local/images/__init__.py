"""Container images in the formats of the Open Container Initiative.

References, a client for registries, a store of contents that all instances share, unpacking of
layers, import of archives, and (in `registry`) a registry of our own. Knows nothing of Kubernetes:
the kubelet, the instance's registry and `choreo image` stand on it.
"""
