"""Assembles what runs the pods of a node, as it was chosen for this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from choreo_local.embedded.kubelet import containerusers, controlgroups, processlimit
from choreo_local.embedded.kubelet.controlgroups import ControlGroups
from choreo_local.embedded.kubelet.hostimages import Catalogue
from choreo_local.embedded.kubelet.imagechoice import OpenRealImages
from choreo_local.embedded.kubelet.isolation import Isolation
from choreo_local.embedded.kubelet.launch import Surroundings
from choreo_local.embedded.kubelet.plain import PlainProcesses
from choreo_local.embedded.kubelet.process import ProcessRuntime
from choreo_local.embedded.kubelet.processlimit import NO_LIMIT
from choreo_local.embedded.kubelet.runtime import ContainerRuntime
from choreo_local.embedded.kubelet.sandbox import Sandbox
from choreo_local.embedded.network.isolated.podnetwork import IsolatedNetwork
from choreo_local.embedded.podruntime import Choice

if TYPE_CHECKING:
    from choreo_local.embedded.kubelet.realimages import RealImages
    from choreo_local.images.library import ImageLibrary

OpenImages = Callable[[], "ImageLibrary"]


def make(
    choice: Choice,
    surroundings: Surroundings,
    catalogue: Catalogue,
    *,
    network: IsolatedNetwork | None,
    open_images: OpenImages | None,
    folder: Path,
) -> ContainerRuntime:
    """The runtime; `open_images` opens the images of registries, where they can be run.

    Files of pods are below `folder`.
    """
    if choice.engine is not None:
        return _engine(
            choice,
            surroundings,
            catalogue,
            network=network,
            open_images=open_images,
            folder=folder,
        )
    isolation = _isolation(choice, surroundings, network, folder)
    open_real = None
    if choice.tools is not None and open_images:
        open_real = _opener(open_images, keeps_owners=not isolation.has_one_user)
    return ProcessRuntime(surroundings.instance_id, isolation, catalogue, open_real=open_real)


def _isolation(
    choice: Choice, surroundings: Surroundings, network: IsolatedNetwork | None, folder: Path
) -> Isolation:
    if choice.tools is None or network is None:
        return PlainProcesses(surroundings, instead_of=choice.obstacle)
    instance_id = surroundings.instance_id
    found = controlgroups.find(instance_id)
    groups = found if isinstance(found, str) else ControlGroups(found, instance_id)
    bubblewrap, nsenter = choice.tools.bubblewrap, choice.tools.nsenter
    folder.mkdir(parents=True, exist_ok=True)
    users = containerusers.find(instance_id, folder, bubblewrap=bubblewrap, nsenter=nsenter)
    processes = NO_LIMIT
    if isinstance(found, str) and choice.is_rootless:
        processes = processlimit.find(controlgroups.MOST_PROCESSES, path=str(nsenter.parent))
    return Sandbox(surroundings, bubblewrap, network, groups, users, processes=processes)


def _opener(open_images: OpenImages, *, keeps_owners: bool) -> OpenRealImages:
    def open_real() -> RealImages:
        from choreo_local.embedded.kubelet.realimages import RealImages  # many starts need none

        return RealImages(open_images(), keeps_owners=keeps_owners)

    return open_real


def _engine(
    choice: Choice,
    surroundings: Surroundings,
    catalogue: Catalogue,
    *,
    network: IsolatedNetwork | None,
    open_images: OpenImages | None,
    folder: Path,
) -> ContainerRuntime:
    # Most instances need none.
    from choreo_local.embedded.kubelet.docker.networks import BridgeNetwork, OwnNetwork
    from choreo_local.embedded.kubelet.docker.runtime import DockerRuntime

    assert choice.engine is not None
    places = OwnNetwork(network) if network else BridgeNetwork(choice.obstacle)
    return DockerRuntime(
        choice.engine, places, catalogue, surroundings, folder=folder, open_images=open_images
    )
