"""Makes a container of an engine from what the kubelet asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from choreo_local.embedded.kubelet import launch, ownroot, privileges
from choreo_local.embedded.kubelet.docker import machine, marks, specs
from choreo_local.embedded.kubelet.docker.container import EngineContainer
from choreo_local.embedded.kubelet.docker.engine import Engine
from choreo_local.embedded.kubelet.docker.images import EngineImages
from choreo_local.embedded.kubelet.docker.pods import EnginePod
from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.launch import Surroundings
from choreo_local.embedded.kubelet.plain import root_of
from choreo_local.embedded.kubelet.runtime import ContainerRequest, Mount
from choreo_local.tasks import TaskGroup


class ContainerMaker:
    """Makes containers.

    Args:
        resolver: where pods find the cluster's DNS; empty when they cannot.
        on_change: called with the uid of the pod of a container that has ended.
    """

    def __init__(
        self,
        engine: Engine,
        images: EngineImages,
        surroundings: Surroundings,
        *,
        resolver: Callable[[], str],
        on_change: Callable[[str], None],
        tasks: TaskGroup,
    ) -> None:
        self._engine = engine
        self._images = images
        self._surroundings = surroundings
        self._resolver = resolver
        self._on_change = on_change
        self._tasks = tasks

    async def make(
        self, pod: EnginePod, request: ContainerRequest, image: HostImage, given: Sequence[Mount]
    ) -> EngineContainer:
        """Create it; `given` are mounts beside those of the image and the request."""
        environment = self._variables(request, image)
        words = self.words(launch.entry_words(request, image, environment), request, image)
        wanted = specs.Container(
            image=await self._image(request, image),
            words=words,
            labels=marks.labels(self._surroundings.instance_id, request.pod.uid, request.name),
            network=f"container:{pod.holder}" if pod.holder else "host",
            environment=environment,
            working_folder=request.working_folder or image.working_folder,
            user=_user(request, image),
            groups=specs.groups(request.security),
            hostname=self._hostname(pod),
            shares=pod.holder,
            mounts=[*self._mounts(pod, request, image), *given],
            stdin=request.stdin,
            tty=request.tty,
            resources=request.resources,
            security=request.security,
            privileges=privileges.of_security(request.security),
            limits=machine.limits(self._engine.facts.name),
        )
        number = await self._create(request, wanted)
        uid = request.pod.uid
        return EngineContainer(
            self._engine,
            number,
            request,
            image,
            on_end=lambda: self._on_change(uid),
            tasks=self._tasks,
        )

    def _variables(self, request: ContainerRequest, image: HostImage) -> dict[str, str]:
        found = ownroot.variables(request, image, self._surroundings)
        if request.image.is_real and "HOME" not in {**image.environment, **request.environment}:
            del found["HOME"]  # The engine finds it among the accounts of the image.
        return found

    def words(
        self, words: Sequence[str], request: ContainerRequest, image: HostImage
    ) -> Sequence[str]:
        """A command as the container knows it: a program of the image has its place there."""
        if request.image.is_real:
            return words
        environment: Mapping[str, str] = {"PATH": launch.PATH, **request.environment}
        return ownroot.host_program(words, image, environment, self._surroundings)

    async def _image(self, request: ContainerRequest, image: HostImage) -> str:
        return image.digest if request.image.is_real else await self._images.machine()

    def _hostname(self, pod: EnginePod) -> str:
        # Docker takes it from the container whose network is shared, and refuses to be told.
        return pod.request.hostname if pod.holder and self._engine.facts.name == "podman" else ""

    def _mounts(
        self, pod: EnginePod, request: ContainerRequest, image: HostImage
    ) -> Sequence[Mount]:
        files = ownroot.network_files(
            request.pod, self._surroundings, address=pod.address, resolver=self._resolver()
        )
        if not self._resolver():
            del files["resolv.conf"]
        programs: Sequence[Mount] = ()
        if not request.image.is_real:
            who = privileges.of_security(request.security)
            files |= ownroot.account_files(who.user, who.group)
            programs = machine.mounts(image, request)
        own = machine.system_files(root_of(request) / "etc", files)
        wanted = {mount.container_path for mount in request.mounts}
        own = [each for each in own if each.container_path not in wanted]
        return [*programs, *own, *(machine.kept_within(mount) for mount in request.mounts)]

    async def _create(self, request: ContainerRequest, wanted: specs.Container) -> str:
        name = marks.container_name(
            self._surroundings.instance_id, request.pod, request.name, request.attempt
        )
        return await self._engine.create_container(name, specs.body(wanted))


def _user(request: ContainerRequest, image: HostImage) -> str:
    """Whom a container runs as, in the words of engines; empty when its image says so."""
    security = request.security
    told = (security.get("runAsUser"), security.get("runAsGroup"))
    return "" if told == image.user else specs.user(security)
