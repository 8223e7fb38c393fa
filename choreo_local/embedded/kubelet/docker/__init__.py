"""The `docker` runtime: pods as containers of a Docker Engine, or of Podman's socket like it.

`runtime.DockerRuntime` is what the cluster starts; the rest serves it.
"""
