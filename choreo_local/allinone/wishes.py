"""What the person who starts an instance asked for."""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local.clusters.target import NOWHERE, Target


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of one start.

    Attributes:
        driver: auto, or the name of one.
        demo: whether the demo is deployed.
        authorization: whether roles and bindings decide.
        target: which cluster, where we do not make it.
        runtime: how pods are kept apart: auto, sandbox or process.
        source: folder of an export to start from.
    """

    driver: str = "auto"
    demo: bool = False
    authorization: bool = True
    target: Target = NOWHERE
    runtime: str = "auto"
    source: str = ""
