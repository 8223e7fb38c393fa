"""By which names references call the registry of an instance. Pure."""

from __future__ import annotations

# The port of the registry of upstream's local installations, and the name by which their builds
# and clusters call it.
PORT, HOST_NAME = 10082, "host.k3d.internal"


def own_names(port: int) -> dict[str, str]:
    """Names → where it is. Upstream's name means it also where it had to take another port."""
    hosts = [f"{host}:{port}" for host in ("localhost", "127.0.0.1", HOST_NAME)]
    return dict.fromkeys([*hosts, f"{HOST_NAME}:{PORT}"], f"http://127.0.0.1:{port}")
