"""Which cluster a person means; kept in the instance file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace


@dataclass(frozen=True, slots=True)
class Target:
    """Which cluster is meant, for drivers that do not make one.

    Attributes:
        kubeconfig: file, or several as in the variable KUBECONFIG; empty for the usual one.
        context: name; empty for the current one.
        reachable_at: name or address under which the cluster reaches this machine; empty to find
            out.
        kubernetes: image or version of the nodes; empty for the driver's own choice.
    """

    kubeconfig: str = ""
    context: str = ""
    reachable_at: str = ""
    kubernetes: str = ""

    def filled(self, last: Target) -> Target:
        """What is not said is as it was last time."""
        said = {name: value for name, value in asdict(self).items() if value}
        return replace(last, **said)


NOWHERE = Target()
