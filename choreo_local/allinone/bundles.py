"""Read bundles/, order them, apply them, wait for what they promise.

A wheel carries the bundles as package data; a source checkout has them beside the packages.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from choreo_local.apimachinery import conditions, yamltext
from choreo_local.errors import ChoreoError, PreflightError, WaitTimeoutError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.watcher import Informer

FIELD_MANAGER = "choreo-bundles"
_PACKAGE = Path(__file__).parents[1]
_TOKEN = re.compile(r"@([A-Z_]+)@")


@dataclass(frozen=True, slots=True)
class Bundle:
    """One bundle as its `bundle.yaml` describes it."""

    folder: Path
    name: str
    version: str
    order: int
    files: tuple[str, ...]
    wait: tuple[Mapping[str, str], ...]

    def manifests(self, values: Mapping[str, str]) -> list[dict[str, Any]]:
        """All manifests in order, tokens replaced."""
        return [
            manifest
            for path in self._paths()
            for manifest in parse(replace_tokens(path.read_text(encoding="utf-8"), values))
        ]

    def fingerprint(self, values: Mapping[str, str]) -> str:
        """Changes when a file of the bundle has changed, or a value that it uses."""
        digest = hashlib.sha256()
        for path in self._paths():
            text = replace_tokens(path.read_text(encoding="utf-8"), values)
            digest.update(f"{path.name}\0{text}\0".encode())
        return f"{self.version} {digest.hexdigest()[:16]}"

    def _paths(self) -> Iterator[Path]:
        for name in self.files:
            path = self.folder / name
            if path.is_dir():
                yield from sorted(path.glob("*.yaml"))
            else:
                yield path


def root() -> Path:
    """The folder of all bundles."""
    for candidate in (_PACKAGE / "_bundles", _PACKAGE.parent / "bundles"):
        if candidate.is_dir():
            return candidate
    raise PreflightError(
        "cannot find the bundles: the installation is incomplete",
        remedy="Install choreo again",
    )


def load(name: str) -> Bundle:
    """A bundle by name."""
    folder = root() / name
    content = yaml.load((folder / "bundle.yaml").read_text(encoding="utf-8"), yamltext.LOADER)
    return Bundle(
        folder=folder,
        name=content["name"],
        version=str(content["version"]),
        order=int(content["order"]),
        files=tuple(content["files"]),
        wait=tuple(content.get("wait") or ()),
    )


def replace_tokens(text: str, values: Mapping[str, str]) -> str:
    """Replace `@NAME@` by its value; what has no value stays as it is."""

    def value(match: re.Match[str]) -> str:
        return values[match[1]] if match[1] in values else match[0]

    return _TOKEN.sub(value, text)


def parse(text: str) -> list[dict[str, Any]]:
    """The documents of a YAML text, empty ones left out."""
    return [document for document in yaml.load_all(text, yamltext.LOADER) if document]


async def apply(client: KubeClient, manifests: Sequence[Mapping[str, Any]]) -> None:
    """Apply manifests in order."""
    for manifest in manifests:
        kind = await client.resolve(manifest["apiVersion"], manifest["kind"])
        try:
            await client.apply(kind, manifest, field_manager=FIELD_MANAGER)
        except ChoreoError as error:
            name = manifest["metadata"]["name"]
            error.add_note(f"while applying {manifest['kind']} {name} of a bundle")
            raise


async def wait_for(
    client: KubeClient,
    bundle: Bundle,
    manifests: Iterable[Mapping[str, Any]],
    *,
    timeout_seconds: float,
    only_existing: bool = False,
) -> None:
    """Wait until what the bundle promises is true.

    With `only_existing`, objects that somebody has deleted meanwhile are not waited for.
    """
    manifests = list(manifests)
    for promise in bundle.wait:
        named = promise.get("name")
        names = [named] if named else _names(manifests, promise)
        if only_existing:
            names = await _existing(client, promise, names)
        await _wait(client, promise, names, timeout_seconds=timeout_seconds)


async def _existing(
    client: KubeClient, promise: Mapping[str, str], names: Sequence[str]
) -> list[str]:
    kind = await client.resolve(promise["apiVersion"], promise["kind"])
    found = await client.list(kind, promise.get("namespace"))
    existing = {obj["metadata"]["name"] for obj in found.items}
    return [name for name in names if name in existing]


def _names(manifests: Iterable[Mapping[str, Any]], promise: Mapping[str, str]) -> list[str]:
    wanted = (promise["apiVersion"], promise["kind"])
    return [
        manifest["metadata"]["name"]
        for manifest in manifests
        if (manifest["apiVersion"], manifest["kind"]) == wanted
    ]


async def _wait(
    client: KubeClient,
    promise: Mapping[str, str],
    names: Sequence[str],
    *,
    timeout_seconds: float,
) -> None:
    missing = set(names)
    if not missing:
        return
    kind = await client.resolve(promise["apiVersion"], promise["kind"])
    reached = asyncio.Event()

    def on_change(_: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> None:
        if new is not None and _holds(new, promise["condition"]):
            missing.discard(new["metadata"]["name"])
        if not missing:
            reached.set()

    informer = Informer(client, kind, namespace=promise.get("namespace"), on_change=on_change)
    following = asyncio.create_task(informer.run(), name=f"wait for {kind.kind}")
    try:
        await asyncio.wait_for(reached.wait(), timeout_seconds)
    except TimeoutError:
        listed = ", ".join(sorted(missing)[:5])
        raise WaitTimeoutError(
            f"cannot finish: {kind.kind} {listed} did not become {promise['condition']} within "
            f"{timeout_seconds:.0f} s",
            remedy=f"See why: kubectl describe {kind.plural} {sorted(missing)[0]}",
        ) from None
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _holds(obj: Mapping[str, Any], condition: str) -> bool:
    return conditions.is_true((obj.get("status") or {}).get("conditions") or (), condition)
