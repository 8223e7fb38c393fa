"""The admission chain: plugins in a fixed order change a write, then others judge it.

The composition root appends its own validators (`Chain.add_validator`); webhooks and policies are
plugins like the built-in ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.kubeapi.messages import User


class Plugin(Protocol):
    """One part of the chain; both steps may be coroutines or plain functions."""

    def mutate(self, attributes: Attributes) -> Awaitable[None] | None: ...

    def validate(self, attributes: Attributes) -> Awaitable[None] | None: ...


@runtime_checkable
class RepeatedPlugin(Protocol):
    """A plugin that goes about it otherwise when it looks again at what others have changed."""

    def mutate_again(self, attributes: Attributes) -> None: ...


async def _carry_out(
    step: Callable[[Attributes], Awaitable[None] | None], attributes: Attributes
) -> None:
    outcome = step(attributes)
    if outcome is not None:
        await outcome


# operation, resource (`components.openchoreo.dev`), old, new, user → warnings; raises to refuse.
ExternalValidator = Callable[
    [str, str, Manifest | None, Manifest | None, User],
    Sequence[str] | Awaitable[Sequence[str] | None] | None,
]


@dataclass(slots=True)
class Chain:
    """Runs plugins in order."""

    plugins: list[Plugin] = field(default_factory=list)
    validators: list[ExternalValidator] = field(default_factory=list)

    def add_validator(self, validator: ExternalValidator) -> None:
        """Also ask `validator` about every write, after the plugins."""
        self.validators.append(validator)

    async def mutate(self, attributes: Attributes) -> None:
        """Let plugins change the object that is about to be written."""
        for plugin in self.plugins:
            await _carry_out(plugin.mutate, attributes)
        if not attributes.course.is_changed:
            return
        for plugin in self.plugins:
            again = plugin.mutate_again if isinstance(plugin, RepeatedPlugin) else plugin.mutate
            await _carry_out(again, attributes)

    async def validate(self, attributes: Attributes) -> None:
        """Let plugins and validators refuse by raising."""
        for plugin in self.plugins:
            outcome = plugin.validate(attributes)
            if outcome is not None:
                await outcome
        call = attributes.call
        if call.subresource or not self.validators:
            return
        resource = call.collection.kind.group_resource
        for validator in self.validators:
            found = validator(
                attributes.operation, resource, attributes.old, attributes.new, call.user
            )
            if inspect.isawaitable(found):
                found = await found
            for text in found or ():
                attributes.warn(text)
