"""One instance for all tests of a worker; a namespace for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.clients import binaries
from tests.clients.kubectl import Kubectl
from tests.e2e.user import User

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def person(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """Somebody whose instance runs; KUBECONFIG leads to it."""
    user = User(tmp_path_factory.mktemp("clients"))
    try:
        user.choreo("up", "--no-tui")
        user.extra["KUBECONFIG"] = user.choreo("kubeconfig")
        # A thousand short lives of Go programs: a third of their time would go into tidying up.
        user.extra["GOGC"] = "400"
        yield user
    finally:
        user.types("choreo", "down", "--purge", "--yes")


@pytest.fixture(params=sorted(binaries.KUBECTL))
def kubectl(request: pytest.FixtureRequest, person: User) -> Iterator[Kubectl]:
    """Each kubectl of the matrix, in a namespace of its own."""
    version = str(request.param)
    one = Kubectl(person, binaries.kubectl(version), version, f"test-{next(_NUMBERS)}")
    one("create", "namespace", one.namespace)
    yield one
    one("delete", "namespace", one.namespace, "--wait=false")


@pytest.fixture
def admin(person: User) -> Iterator[Kubectl]:
    """The newest kubectl in a namespace of its own, to look at what another client did."""
    one = Kubectl(person, binaries.kubectl("1.37"), "1.37", f"test-{next(_NUMBERS)}")
    one("create", "namespace", one.namespace)
    yield one
    one("delete", "namespace", one.namespace, "--wait=false")
