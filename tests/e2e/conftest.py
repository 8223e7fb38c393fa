"""People with homes of their own; what they started ends with their test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.sandboxes import Cluster, sandboxed
from tests.e2e.user import User


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    """A person with an empty home; afterwards nothing of theirs is left."""
    person = User(tmp_path)
    yield person
    person.types("choreo", "down", "--purge", "--yes")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One instance with sandboxes for all tests of a module."""
    person = User(tmp_path_factory.mktemp("home"))
    found = sandboxed(person)
    found.start()
    yield found
    person.types("choreo", "down", "--purge", "--yes")
