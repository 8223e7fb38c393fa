"""How a container of a host image is started: argument list, variables, folder.

The variables with the prefix `CHOREO_` are the contract with `shim/` and mark every process that
belongs to a pod of an instance.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from choreo_local.embedded.kubelet import podnames, rootfolder
from choreo_local.embedded.kubelet.environment import expand
from choreo_local.embedded.kubelet.hostimages import HostImage, Program
from choreo_local.embedded.kubelet.marks import MARK_INSTANCE, MARK_POD
from choreo_local.embedded.kubelet.runtime import ContainerRequest, PodRequest, StartError

SHIM = Path(__file__).parent / "shim"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
_TAR_OPTIONS_WITH_VALUE = tuple("fCTX")
# Files that a container expects at fixed places, written by the runtime for each pod.
SYSTEM_FILES = ("/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/tmp")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for all containers of an instance.

    Attributes:
        interpreter: runs the Python scripts of host images.
        cache_folder: where byte code is kept when the folders of images cannot be written.
        dns: `host:port` of the cluster's DNS; empty without one.
        cluster_domain: suffix of the names of services.
        host_endpoints: `host:port` on localhost that mean the machine, not the pod.
        parent_death: a command prefix that ties a process to its parent's life; None where the
            machine has no such command.
        inherited: variables of the machine that all containers see.
    """

    instance_id: str
    cache_folder: Path
    interpreter: Sequence[str] = (sys.executable,)
    dns: str = ""
    cluster_domain: str = podnames.CLUSTER_DOMAIN
    host_endpoints: Sequence[str] = ()
    parent_death: Sequence[str] | None = None
    inherited: Mapping[str, str] = field(default_factory=dict)


def inherited_variables() -> dict[str, str]:
    """Language and time zone of the machine; nothing else of the user's reaches a container."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start.

    Attributes:
        descriptors: open files that the process inherits; whoever starts it closes them.
        shared: such that stay open.
        owner: user and group that its standard streams belong to, where it is not ours.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    descriptors: Sequence[int] = ()
    shared: Sequence[int] = ()
    owner: tuple[int, int] | None = None


def container_command(
    request: ContainerRequest,
    image: HostImage,
    *,
    address: str,
    root: Path,
    surroundings: Surroundings,
) -> Command:
    """The main process of a container."""
    environment = variables(request, image, address=address, root=root, surroundings=surroundings)
    words = entry_words(request, image, environment)
    folder = rootfolder.inside(root, request.working_folder or image.working_folder)
    base = Command((), environment, folder)
    return command_in(words, request, image, base=base, root=root, surroundings=surroundings)


def entry_words(
    request: ContainerRequest, image: HostImage, environment: Mapping[str, str]
) -> list[str]:
    """What a container runs: its own command, else that of its image."""
    if request.command:
        return [*request.command, *request.arguments]
    own = [*image.entrypoint, *(() if request.arguments else image.arguments)]
    return [*(expand(word, [environment]) for word in own), *request.arguments]


def command_in(
    words: Sequence[str],
    request: ContainerRequest,
    image: HostImage,
    *,
    base: Command,
    root: Path,
    surroundings: Surroundings,
) -> Command:
    """Any command inside a container: a program of its image, else one of the machine."""
    environment = base.environment
    tie = surroundings.parent_death
    program = find_program(words[0], image)
    if program is not None and program.is_script:
        tie = tie or ()
        python = python_for(image, surroundings.interpreter, cache_folder=surroundings.cache_folder)
        arguments = [*tie, *python, str(program.path), *words[1:]]
        return Command(arguments, environment, base.folder)
    machine_program = words[0]
    if posixpath.basename(machine_program) == "tar":
        words = _tar_words(words, request, root, base.folder)
    else:
        words = [_translated(word, request, root) for word in words]
    environment = {
        name: _translated(value, request, root) if _is_own(name, request) else value
        for name, value in environment.items()
    }
    if program is not None:
        words[0] = str(program.path)
    else:
        # The machine's programs may lie where the container has a folder of its own, as in /tmp.
        candidates = (words[0], machine_program)
        words[0] = _first_executable(candidates, base.folder, environment["PATH"])
    return Command([*(tie or _own_tie(surroundings)), *words], environment, base.folder)


def _own_tie(surroundings: Surroundings) -> Sequence[str]:
    if sys.platform != "linux":
        return ()
    return [*surroundings.interpreter, "-I", "-S", str(SHIM / "tied.py")]


def _is_own(name: str, request: ContainerRequest) -> bool:
    # The path of Python's modules begins with a folder of ours.
    return name in request.environment and name != "PYTHONPATH"


def _first_executable(words: Sequence[str], folder: Path, path: str) -> str:
    for word in words:
        # A word with a slash is a path from the working folder, as for any shell.
        if shutil.which(str(folder / word) if "/" in word else word, path=path):
            return word
    raise StartError(f'exec: "{words[-1]}": executable file not found in $PATH')


def find_program(word: str, image: HostImage) -> Program | None:
    """The program that a word such as `greeter`, `./greeter` or `/app/greeter` names."""
    folder, _, name = word.rpartition("/")
    if name not in image.programs:
        return None
    is_ours = folder in {"", ".", image.working_folder.rstrip("/")} or folder.endswith("/bin")
    return image.programs[name] if is_ours else None


def python_for(
    image: HostImage, interpreter: Sequence[str], *, cache_folder: Path | None
) -> list[str]:
    """The beginning of a command that runs a script of an image."""
    # Isolated and without `site`: neither the user's variables nor installed packages change what
    # a host image does, and the interpreter starts in half the time. Unbuffered: logs are live.
    options = ["-I", "-u"]
    if cache_folder is not None and not os.access(image.folder, os.W_OK):
        # Elsewhere byte code lies beside its source, where that of the standard library is too.
        options += ["-X", f"pycache_prefix={cache_folder}"]
    if not image.site_packages:
        options.append("-S")
    return [*interpreter, *options, str(SHIM / "launch.py")]


def terminal_command(command: Command, surroundings: Surroundings) -> Command:
    """The same command with its standard input as controlling terminal."""
    wrapper = [*surroundings.interpreter, "-I", "-S", str(SHIM / "terminal.py")]
    environment = {"TERM": "xterm", **command.environment}
    arguments = [*wrapper, *command.arguments]
    return replace(command, arguments=arguments, environment=environment)


def resolver_file(pod: PodRequest, surroundings: Surroundings) -> str:
    """The content of `/etc/resolv.conf`, for programs that read it themselves."""
    server, _, _ = surroundings.dns.rpartition(":")
    return podnames.resolver_text(pod, server, search_domains(pod, surroundings))


def search_domains(pod: PodRequest, surroundings: Surroundings) -> list[str]:
    """Suffixes that short names get."""
    domain = surroundings.cluster_domain
    own = [f"{pod.namespace}.svc.{domain}", f"svc.{domain}", domain]
    return [*(own if pod.uses_cluster_dns else ()), *pod.search_domains]


def variables(
    request: ContainerRequest,
    image: HostImage,
    *,
    address: str,
    root: Path,
    surroundings: Surroundings,
) -> dict[str, str]:
    """All variables of a container's processes."""
    pod = request.pod
    own = {
        "PATH": PATH,
        "HOME": str(root),
        "HOSTNAME": pod.hostname,
        "TMPDIR": str(root / "tmp"),
        **surroundings.inherited,
        **image.environment,
        **request.environment,
    }
    paths = [str(SHIM), *filter(None, [own.get("PYTHONPATH")])]
    return own | {
        "PYTHONPATH": os.pathsep.join(paths),
        MARK_INSTANCE: surroundings.instance_id,
        MARK_POD: pod.uid,
        "CHOREO_CONTAINER": request.name,
        "CHOREO_IMAGE": request.image.reference,
        "CHOREO_MODULES": os.pathsep.join(str(folder) for folder in image.module_path),
        "CHOREO_ROOT": str(root),
        "CHOREO_MOUNTS": os.pathsep.join(mapped_paths(request)),
        **_network(request, address=address, surroundings=surroundings),
    }


def mapped_paths(request: ContainerRequest) -> list[str]:
    """The container paths that are found below the container's own root folder."""
    return [*(mount.container_path for mount in request.mounts), *SYSTEM_FILES]


def _network(
    request: ContainerRequest, *, address: str, surroundings: Surroundings
) -> dict[str, str]:
    pod = request.pod
    found = {"CHOREO_DNS": surroundings.dns} if surroundings.dns and pod.uses_cluster_dns else {}
    found["CHOREO_DNS_SEARCH"] = " ".join(search_domains(pod, surroundings))
    found["CHOREO_HOSTS"] = " ".join(f"{name}={ip}" for name, ip in pod.host_aliases.items())
    found["CHOREO_HOST_ENDPOINTS"] = " ".join(surroundings.host_endpoints)
    if surroundings.parent_death is None:
        found["CHOREO_PARENT_DEATH"] = "1" if sys.platform == "linux" else ""
    if not pod.host_network:
        found["CHOREO_POD_ADDRESS"] = address
    return found


def _tar_words(
    words: Sequence[str], request: ContainerRequest, root: Path, folder: Path
) -> list[str]:
    """Arguments of tar. What it packs keeps the name that it has in the container.

    `kubectl cp` looks for that name in the archive.
    """
    found = [words[0]]
    takes_value = is_elsewhere = False
    for place, word in enumerate(words[1:]):
        is_option = not place or (word.startswith("-") and word != "-")
        translated = _translated(word, request, root)
        if is_option or takes_value:
            found.append(translated)
        elif translated == word:
            found += ["-C", str(folder), word] if is_elsewhere else [word]
            is_elsewhere = False
        else:
            # The dot makes tar follow the link by which a mounted folder is found.
            is_link = os.path.islink(translated) and os.path.isdir(translated)
            inside = os.path.relpath(translated, root) + ("/." if is_link else "")
            found += ["-C", str(root), inside]
            is_elsewhere = True
        is_short = is_option and not word.startswith("--")
        takes_value = is_short and word[-1:] in _TAR_OPTIONS_WITH_VALUE
    return found


def _translated(word: str, request: ContainerRequest, root: Path) -> str:
    """A path below a mount, or an option `--name=path`, as the machine knows it."""
    option, equals, value = word.partition("=") if word.startswith("-") else ("", "", word)
    for path in mapped_paths(request):
        if value == path or value.startswith(path.rstrip("/") + "/"):
            return f"{option}{equals}{root}{value}"
    return word
