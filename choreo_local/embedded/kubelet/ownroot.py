"""What containers with a root file system of their own run and see: sandboxes and engines alike."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from choreo_local.embedded.kubelet import bytecode, launch, podnames, rootfilesystem
from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.launch import Surroundings
from choreo_local.embedded.kubelet.marks import MARK_INSTANCE, MARK_POD
from choreo_local.embedded.kubelet.rootfilesystem import MachineRoot
from choreo_local.embedded.kubelet.runtime import ContainerRequest, PodRequest, StartError


def machine_root(image: HostImage) -> MachineRoot:
    """The root of a host image's containers."""
    folders = [image.folder, *image.module_path, launch.SHIM]
    folders += rootfilesystem.of_interpreter()
    placed = {} if image.working_folder == "/" else {image.working_folder: image.folder}
    return MachineRoot(folders, placed)


def variables(
    request: ContainerRequest, image: HostImage, surroundings: Surroundings
) -> dict[str, str]:
    """All variables of a container's processes."""
    own = {
        "PATH": launch.PATH,
        "HOME": "/root",
        "HOSTNAME": request.pod.hostname,
        **surroundings.inherited,
        **image.environment,
        **request.environment,
    }
    return own | {
        MARK_INSTANCE: surroundings.instance_id,
        MARK_POD: request.pod.uid,
        "CHOREO_CONTAINER": request.name,
        "CHOREO_IMAGE": request.image.reference,
        "CHOREO_MODULES": os.pathsep.join(str(folder) for folder in image.module_path),
    }


def host_program(
    words: Sequence[str],
    image: HostImage,
    environment: Mapping[str, str],
    surroundings: Surroundings,
) -> list[str]:
    """A command of a host image: one of its programs, else one of the machine."""
    program = launch.find_program(words[0], image)
    if program is None:
        if "/" not in words[0] and shutil.which(words[0], path=environment["PATH"]) is None:
            raise StartError(missing(words[0]))
        return list(words)
    if not program.is_script:
        return [str(program.path), *words[1:]]
    bytecode.prepare(image)
    python = launch.python_for(image, surroundings.interpreter, cache_folder=None)
    return [*python, str(program.path), *words[1:]]


def missing(word: str) -> str:
    """In the words of other container runtimes."""
    return f'exec: "{word}": executable file not found in $PATH'


def network_files(
    pod: PodRequest, surroundings: Surroundings, *, address: str, resolver: str
) -> dict[str, str]:
    """The files of `/etc` by which a container knows names: file name → content."""
    search = launch.search_domains(pod, surroundings)
    return {
        "hosts": podnames.hosts_text(pod, address),
        "hostname": f"{pod.hostname}\n",
        "resolv.conf": podnames.resolver_text(pod, resolver, search),
    }


def account_files(user: int, group: int) -> dict[str, str]:
    """The same for users and groups, where an image has none."""
    return {"passwd": _accounts(user, f"{group}::/:/bin/sh"), "group": _accounts(group, "")}


def _accounts(number: int, rest: str) -> str:
    """A file like /etc/passwd with root, nobody and whoever the container runs as."""
    names = {number: "app", 0: "root", 65534: "nobody"}
    return "".join(f"{name}:x:{each}:{rest}\n" for each, name in sorted(names.items()))
