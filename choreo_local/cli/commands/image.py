"""`choreo image …`: the images that all instances of a user share."""

from __future__ import annotations

import contextlib
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from choreo_local import clock
from choreo_local.allinone import instance as instances
from choreo_local.cli import ages, options, output
from choreo_local.errors import ChoreoError, RefusedError
from choreo_local.images import archives, collecting, engines
from choreo_local.images.collecting import Pruned
from choreo_local.images.library import ImageLibrary
from choreo_local.images.names import Named
from choreo_local.paths import InstancePaths, home, images, registries

_COLUMNS = ("IMAGE", "DIGEST", "SIZE", "ON DISK", "ADDED")
_SHORT_DIGEST = 19


def _library() -> ImageLibrary:
    return ImageLibrary(images(home()))


@click.group()
def image() -> None:
    """Bring container images to this machine, list and remove them.

    Pods find them by name, in every instance, without a registry.
    """


@image.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--name", default="", metavar="REFERENCE", help="Name for the only image in FILE.")
@click.option(
    "--from",
    "engine",
    type=click.Choice(engines.ENGINES),
    help="Take images from an engine's store; FILE is then the name of an image there.",
)
def import_(files: tuple[str, ...], *, name: str, engine: str | None) -> int:
    """Import images from what docker save, podman save or skopeo copy wrote, or an OCI layout.

    An OCI layout may be a folder or an archive of one; archives may be compressed.
    """
    for text in files:
        source = engines.saved(engine, text) if engine else contextlib.nullcontext(Path(text))
        with source as file:
            for named in archives.import_images(_library(), file, name=name):
                output.emit(output.safe(named.reference))
    _tell_of_nodes()
    return 0


def _tell_of_nodes() -> None:
    """Nodes in containers have stores of their own, which this one is nothing to."""
    for name in instances.names(home()):
        with contextlib.suppress(ChoreoError):
            found = instances.load(InstancePaths.of(name))
            if found is not None and found.driver == "k3d" and found.is_running:
                registry = f"localhost:{found.ports.get('registry', 0)}"
                output.say(
                    f"The nodes of instance {name} do not read this store. Push the image to "
                    f"{registry} and name it so: "
                    f"skopeo copy --dest-tls-verify=false SOURCE docker://{registry}/NAME"
                )


@image.command("list")
@options.output_format("table", "wide", "json", "yaml", "name")
def list_images(*, form: str) -> int:
    """List the images on this machine.

    SIZE is what was downloaded, ON DISK what it and its unpacked files take; images share layers.
    """
    library = _library()
    found = [(named, collecting.bytes_of(library, named)) for named in library.all()]
    if form == "name":
        for named, _ in found:
            output.emit(output.safe(named.reference))
    elif form in {"json", "yaml"}:
        output.data([_data(named, size) for named, size in found], form)
    elif not found:
        output.say("There are no images on this machine.")
    else:
        wide = form == "wide"
        output.table(_COLUMNS, [_row(named, size, wide=wide) for named, size in found])
        output.say(f"Together they take {_megabytes(collecting.stored_bytes(library))}.")
    return 0


def _data(named: Named, size: int) -> dict[str, object]:
    return {
        "reference": named.reference,
        "digest": str(named.digest),
        "size": named.size,
        "sizeOnDisk": size,
        "imported": named.imported,
        "addedAt": _moment(named.pulled_at),
        "usedAt": _moment(named.used_at),
    }


def _moment(seconds: float) -> str:
    return clock.timestamp(datetime.fromtimestamp(seconds, UTC))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _row(named: Named, size: int, *, wide: bool) -> tuple[str, ...]:
    digest = str(named.digest) if wide else str(named.digest)[:_SHORT_DIGEST]
    age = ages.duration(clock.unix() - named.pulled_at)
    return named.reference, digest, _megabytes(named.size), _megabytes(size), f"{age} ago"


@image.command()
@click.option(
    "--all", "everything", is_flag=True, help="Also every image that no running container uses."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@options.yes
def prune(*, everything: bool, dry_run: bool, yes: bool) -> int:
    """Remove what no image needs any more; what instances' registries hold stays."""
    if everything and not (dry_run or yes):
        _confirm()
    found = collecting.prune(_library(), registries(home()), everything=everything, dry_run=dry_run)
    _say(found, dry_run=dry_run)
    return 0


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise RefusedError(
            "nothing was removed: there is nobody to ask", remedy="Say yes in advance: --yes"
        )
    if not click.confirm("Remove all images that no container uses?", err=True):
        raise RefusedError("nothing was removed")


def _say(found: Pruned, *, dry_run: bool) -> None:
    for name in found.names:
        output.emit(output.safe(name))
    verb = "Would remove" if dry_run else "Removed"
    images_ = "1 image" if len(found.names) == 1 else f"{len(found.names)} images"
    output.say(f"{verb} {images_}; {found.contents} contents, {_megabytes(found.bytes)}")
