"""People with homes of their own; what they started ends with their test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.sandboxes import Cluster, sandboxed
from tests.e2e.user import ANOTHER, ROOT, User, person


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    """A person with an empty home; afterwards nothing of theirs is left."""
    person = User(tmp_path)
    yield person
    person.types("choreo", "down", "--purge", "--yes")


@pytest.fixture(scope="module", params=[ROOT, ANOTHER])
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """One instance with sandboxes for all tests of a module, of root and of another user."""
    with person(request.param, tmp_path_factory.mktemp("home")) as somebody:
        found = sandboxed(somebody)
        found.start()
        yield found
