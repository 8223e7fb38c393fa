"""The trait instances of a component, in the order in which they act; pure.

Embedded traits of the type come first; their parameters are templates over the component's own
variables, while those of the component's traits are values, and only these have environment
configurations in the binding.

Public: `TraitInstance`, `iter_instances(inputs, scope)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import release, values
from .errors import RenderError, prefixed
from .inputs import ComponentInputs
from .template import Scope

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TraitInstance:
    """A trait with its place in the component."""

    trait: Manifest
    name: str
    parameters: Any
    environment_configs: Any

    @property
    def trait_name(self) -> str:
        """The name of the trait."""
        return str(self.trait["metadata"].get("name", ""))

    @property
    def title(self) -> str:
        """Trait and instance, for messages."""
        return f"{self.trait_name}/{self.name}"

    @property
    def label(self) -> str:
        """The same with the trait's kind."""
        return f"{release.trait_key(self.trait)[0]} {self.title}"


def iter_instances(inputs: ComponentInputs, scope: Scope) -> Iterator[TraitInstance]:
    """The trait instances of a component whose own variables are in `scope`.

    Raises:
        RenderError: a trait is not among the inputs, or its parameters cannot be resolved.
    """
    loaded = {release.trait_key(trait): trait for trait in inputs.traits}
    for entry in (inputs.component_type.get("spec") or {}).get("traits") or ():
        trait, name = _loaded(loaded, entry, "embedded trait"), _instance_name(entry)
        title = f"embedded trait {trait['metadata'].get('name', '')}/{name}"
        with prefixed(f"failed to resolve parameters of {title}"):
            parameters = _bound(scope, entry.get("parameters"))
        with prefixed(f"failed to resolve environmentConfigs of {title}"):
            configs = _bound(scope, entry.get("environmentConfigs"))
        yield TraitInstance(trait, name, parameters, configs)
    own_configs = inputs.binding_spec.get("traitEnvironmentConfigs") or {}
    for entry in (inputs.component.get("spec") or {}).get("traits") or ():
        trait, name = _loaded(loaded, entry, "trait"), _instance_name(entry)
        yield TraitInstance(trait, name, entry.get("parameters"), own_configs.get(name))


def _loaded(loaded: Mapping[tuple[str, str], Manifest], entry: Manifest, what: str) -> Manifest:
    kind, name = release.trait_key(entry)
    found = loaded.get((kind, name))
    if found is None:
        raise RenderError(f"{what} {kind}:{name} not found")
    return found


def _instance_name(entry: Manifest) -> str:
    name = str(entry.get("instanceName") or "")
    if not name:
        raise RenderError(f"instance name of trait {entry.get('name', '')} is empty")
    return name


def _bound(scope: Scope, template: Any) -> Any:
    if template is None:
        return None
    return values.without_omitted(scope.render(values.as_context(template)))
