"""`choreo render`: what manifests would put on the planes, without an instance.

The platform's own types, environments, pipeline and planes stand behind the files, as they do on a
new instance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from choreo_local.api import labels, registry
from choreo_local.cli import manifests, options, output
from choreo_local.errors import ChoreoError, UsageError

if TYPE_CHECKING:
    from choreo_local.controllers.offline import Offline, Rendering

# Where an instance listens when nothing else has taken the port.
_DEFAULTS = {"GATEWAY_PORT": "19080", "OBSERVER_URL": "http://127.0.0.1:8080"}
_PLANES = {
    "dataplane": "data plane",
    "observabilityplane": "observability plane",
    "workflowplane": "workflow plane",
}
_REMEDY = "Give what is missing with -f; what a new instance has is known without"
_NOTHING = (
    "there is nothing to render in what was given: "
    "no Component, Project, Resource, WorkflowRun or binding"
)


@click.command()
@click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    required=True,
    metavar="FILE",
    help="File, folder or -.",
)
@click.option(
    "--env",
    "-e",
    "environment",
    default="",
    metavar="ENVIRONMENT",
    help="Environment; without it those of the bindings, or the first of the pipeline.",
)
@options.namespace
@options.output_format("yaml", "json", default="yaml")
def render(*, files: Sequence[str], environment: str, namespace: str, form: str) -> int:
    """Show what manifests would put on the planes, without an instance.

    Give a Component with its Workload, a Project, a Resource or a WorkflowRun, and whatever they
    use that a new instance does not have. Uids, which a cluster would give, are made of names.
    """
    from choreo_local.admission import storing
    from choreo_local.controllers.offline import Offline

    found = [_placed(document, namespace) for document in manifests.read(files)]
    world = Offline(storing.stored)
    _add_platform(world, found)
    refused = [problem for document in found if (problem := _added(world, document)) is not None]
    if refused:
        output.say(f"Nothing was rendered: {len(refused)} of {len(found)} manifests are wrong.")
        return refused[0].exit_code
    renderings = asyncio.run(world.render(environment))
    if not renderings:
        raise UsageError(_NOTHING)
    _show(renderings, form)
    return _complain(renderings)


def _placed(document: manifests.Document, namespace: str) -> manifests.Document:
    """The manifest with the namespace that it would be applied to."""
    manifest = document.manifest
    entry = registry.KINDS.get(manifest["kind"])
    metadata = manifest["metadata"]
    if entry is None or not entry.resource.namespaced or metadata.get("namespace"):
        return document
    placed = {**manifest, "metadata": {**metadata, "namespace": namespace}}
    return manifests.Document(document.source, placed)


def _add_platform(world: Offline, given: Iterable[manifests.Document]) -> None:
    """Add what a new instance has, where the files do not bring their own."""
    from choreo_local.admission import storing
    from choreo_local.allinone import bundles

    own = {_key(document.manifest) for document in given}
    for manifest in bundles.load("platform").manifests(_DEFAULTS):
        if manifest["apiVersion"] == labels.API_VERSION and _key(manifest) not in own:
            world.add(storing.stored(manifest), rendered=False)


def _added(world: Offline, document: manifests.Document) -> ChoreoError | None:
    """Add a manifest; what an API server would say against it, which is said here."""
    from choreo_local.admission import storing

    if document.manifest["apiVersion"] != labels.API_VERSION:
        return None
    try:
        world.add(storing.stored(document.manifest), rendered=True)
    except ChoreoError as error:
        output.say(output.safe(f"{document.source}: {document.title}"))
        output.fail(error)
        return error
    return None


def _key(manifest: dict[str, Any]) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace") or "", metadata["name"]


def _show(renderings: Sequence[Rendering], form: str) -> None:
    if form == "json":
        items = [obj for rendering in renderings for _, obj in rendering.manifests]
        output.data({"apiVersion": "v1", "kind": "List", "items": items}, form)
        return
    for rendering in renderings:
        for plane, obj in rendering.manifests:
            output.emit(f"---\n# {output.safe(rendering.subject)}, {_PLANES[plane]}")
            output.data(obj, form)


def _complain(renderings: Sequence[Rendering]) -> int:
    """Say what is missing; the exit code."""
    code = 0
    for rendering in renderings:
        for text in rendering.awaited:
            output.say(output.safe(f"{rendering.subject} waits for {text}"))
        if rendering.problem:
            message = f"cannot render {rendering.subject}: {rendering.problem}"
            output.fail(ChoreoError(message, remedy=_REMEDY))
            code = ChoreoError.exit_code
    return code
