"""What a tool is, and who calls it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from choreo_local.mcp import arguments
from choreo_local.mcp.arguments import CLUSTER, SCOPE, Arguments, Schema
from choreo_local.services.access import Access
from choreo_local.services.assembly import Services
from choreo_local.services.authorized import AuthorizedObjects


@dataclass(frozen=True, slots=True)
class Caller:
    """The use cases of an instance, as one caller may use them."""

    services: Services
    access: Access

    @property
    def objects(self) -> AuthorizedObjects:
        """The objects of every kind."""
        return AuthorizedObjects(self.services.objects, self.access)


Run = Callable[[Caller, Arguments], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool.

    Attributes:
        words: what it does, for an assistant.
        arguments: in the notation of `arguments`.
        actions: what must be allowed to call it; of a scoped tool one in a namespace, and one in
            the cluster.
        toolsets: the groups in which it can be asked for.
        replacement: the tool that does the same with `scope: cluster`, where this one is only kept
            for assistants that know it.
    """

    name: str
    words: str
    arguments: str
    actions: tuple[str, ...]
    toolsets: tuple[str, ...]
    run: Run = field(repr=False)
    replacement: str = ""

    @property
    def schema(self) -> Schema:
        """Of the arguments."""
        return arguments.schema(self.arguments)

    def action(self, given: Arguments) -> str:
        """What must be allowed for a call."""
        return self.actions[-1 if given.get(SCOPE) == CLUSTER else 0]
