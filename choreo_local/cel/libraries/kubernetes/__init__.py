"""The libraries that kube-apiserver adds: for rules in CustomResourceDefinitions and policies."""

from __future__ import annotations

from choreo_local.cel.declarations import Library
from choreo_local.cel.libraries.kubernetes import (
    lists,
    network,
    patterns,
    quantities,
    semver,
    strictness,
    urls,
)

STRICTNESS = strictness.LIBRARY

LIBRARIES: tuple[Library, ...] = (
    urls.LIBRARY,
    patterns.LIBRARY,
    lists.LIBRARY,
    quantities.LIBRARY,
    network.LIBRARY,
    semver.LIBRARY,
)
