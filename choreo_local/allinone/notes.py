"""What a start says about this machine before anybody asks; pure."""

from __future__ import annotations

from collections.abc import Sequence

from choreo_local.clusters.driver import Capability


def of_start(capabilities: Sequence[Capability]) -> list[str]:
    """A line each; where pods are kept apart, or run elsewhere, there is nothing to say."""
    found = {one.name: one for one in capabilities}
    sandboxes, policies = found.get("sandboxes"), found.get("network-policy")
    if sandboxes is None or policies is None or sandboxes.available or policies.available:
        return []
    files = found.get("file-isolation")
    if files is not None and files.available:
        return [
            "NetworkPolicy is not enforced, names of the cluster are not known: "
            f"{policies.reason}. See: choreo status"
        ]
    return [
        f"Pods are plain processes: {sandboxes.reason}. NetworkPolicy and more are not enforced, "
        "see: choreo status"
    ]
