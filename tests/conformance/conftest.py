"""The server that conformance tests ask, once for a run of a module."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import embedded, target, webhooks
from tests.conformance.runner import Session
from tests.conformance.target import Target

_OTHER_SERVER = "CHOREO_CONFORMANCE_KUBECONFIG"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The embedded API, or the one that the environment names."""
    if other := os.environ.get(_OTHER_SERVER):
        yield target.of_kubeconfig(Path(other), "reference")
        return
    with embedded.serving(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def session(server: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Connections to the server, and webhooks that it may ask."""
    with webhooks.listening(tmp_path_factory.mktemp("webhooks")) as reviewer:
        made = Session(server, reviewer)
        yield made
        made.close()
