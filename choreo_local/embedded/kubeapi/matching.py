"""Which objects a list, watch or deletecollection selects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from choreo_local.embedded.kubeapi.core import Call
from choreo_local.embedded.kubeapi.options import ListOptions
from choreo_local.embedded.storage.eventlog import Stored

Test = Callable[[Stored], bool]


@dataclass(frozen=True, slots=True)
class Matcher:
    """A selection.

    Attributes:
        prefix: of the keys, which is the namespace.
        tests: of the selectors; all must hold.
        is_stable: no change of an object moves it in or out of the selection.
    """

    prefix: str = ""
    tests: tuple[Test, ...] = ()
    is_stable: bool = True

    def matches(self, item: Stored) -> bool:
        """Whether an object is selected."""
        if self.prefix and not item.key.startswith(self.prefix):
            return False
        return all(test(item) for test in self.tests)


def build_matcher(call: Call, options: ListOptions) -> Matcher:
    """The selection of a request: namespace and selectors."""
    prefix = f"{call.namespace}/" if call.namespace else ""
    return Matcher(prefix)
