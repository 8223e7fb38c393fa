"""`componentrelease`, `releasebinding`, `workload`: what they make goes into files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from choreo_local.cli import options, output
from choreo_local.errors import ChoreoError, UsageError

if TYPE_CHECKING:
    from choreo_local.gitops.index import Entry, Index, Manifest
    from choreo_local.gitops.places import ReleaseConfig

F = TypeVar("F", bound=Callable[..., Any])

_FILE_SYSTEM = "file-system"


def _common(function: F) -> F:
    """The options of every command that works on a repository."""
    for option in (
        click.option(
            "--mode",
            type=click.Choice(["api-server", _FILE_SYSTEM]),
            default="api-server",
            show_default=True,
            help="Where what is made goes: to a platform, or into a repository.",
        ),
        click.option(
            "--root-dir",
            type=click.Path(path_type=Path),
            default=Path(),
            help="Root of the repository; the current folder unless given.",
        ),
        click.option("-o", "--output-path", default="", metavar="PATH", help="Where to write."),
        click.option("--dry-run", is_flag=True, help="Print what would be written."),
    ):
        function = option(function)
    return function


def _scope(function: F) -> F:
    """Which components."""
    for option in (
        click.option("--all", "everything", is_flag=True, help="All components."),
        click.option("-p", "--project", default="", help="The components of a project."),
        click.option("-c", "--component", default="", help="One component; needs --project."),
    ):
        function = option(function)
    return function


@click.command("generate")
@_scope
@click.option("--name", default="", help="Name of the release; needs --component.")
@_common
def generate_release(
    *, name: str, everything: bool, project: str, component: str, **more: Any
) -> int:
    """Freeze components as the files of a repository describe them."""
    from choreo_local import clock
    from choreo_local.gitops import places, releases

    work = _Work("componentrelease generate", **more)
    work.select(everything=everything, project=project, component=component)
    if name and not component:
        raise UsageError("--name needs --component")
    index = work.load()
    day, made, unchanged = clock.now().astimezone().strftime("%Y%m%d"), 0, 0

    def one(entry: Entry) -> None:
        nonlocal made, unchanged
        found = releases.next_release(index, entry, day=day, name=name)
        if not found.is_new and not name and not (component and work.dry_run):
            unchanged += 1
            output.emit(output.safe(f"Skipped (unchanged): {found.name}"))
            return
        existing = index.releases(entry.owner("projectName"), entry.name)
        folder = places.release_folder(work.config, entry, existing, output=work.output_path)
        work.put(folder / f"{found.name}.yaml", found.manifest, "Generated", label="Release")
        made += 1

    errors = work.each(index, one, what="release")
    work.summarise(f"{made} releases generated, {unchanged} unchanged (skipped), {errors} errors")
    return 0


@click.command("generate")
@_scope
@click.option("-e", "--target-env", default="", help="Environment; the pipeline's first if absent.")
@click.option("--use-pipeline", default="", help="Pipeline; that of the project if absent.")
@click.option("--component-release", default="", help="Release to bind; needs --component.")
@_common
def generate_binding(
    *,
    target_env: str,
    use_pipeline: str,
    component_release: str,
    everything: bool,
    project: str,
    component: str,
    **more: Any,
) -> int:
    """Bind the right release of components in an environment."""
    from choreo_local.gitops import bindings, places

    work = _Work("releasebinding generate", **more)
    work.select(everything=everything, project=project, component=component)
    if everything and not (use_pipeline and target_env):
        raise UsageError("--all needs --use-pipeline and --target-env")
    if component_release and not component:
        raise UsageError("--component-release needs --project and --component")
    index, made = work.load(), 0

    def one(entry: Entry) -> None:
        nonlocal made
        pipeline = bindings.pipeline_of(index, entry, use_pipeline).manifest
        found = bindings.next_binding(
            index,
            entry,
            environment=bindings.target_of(pipeline, target_env),
            pipeline=pipeline,
            release=component_release,
        )
        if found.existing is not None:
            work.put(found.existing.path, found.manifest, "Updated", label="Updated binding")
        else:
            known = index.bindings(entry.owner("projectName"), entry.name)
            folder = places.binding_folder(work.config, entry, known, output=work.output_path)
            path = folder / f"{found.name}.yaml"
            work.put(path, found.manifest, "Created", label="Created binding")
        made += 1

    errors = work.each(index, one, what="binding")
    work.summarise(f"{made} bindings generated, {errors} errors")
    return 0


@click.command("create")
@click.argument("name", required=False)
@click.option("--image", required=True, help="Image of the container.")
@click.option("--descriptor", type=click.Path(path_type=Path), help="Descriptor beside the source.")
@options.namespace
@click.option("-p", "--project", required=True, help="Project of the component.")
@click.option("-c", "--component", required=True, help="Component.")
@_common
def create_workload(
    *,
    name: str | None,
    image: str,
    descriptor: Path | None,
    namespace: str,
    project: str,
    component: str,
    **more: Any,
) -> int:
    """Turn an image, and a descriptor if there is one, into the workload of a component."""
    from choreo_local.gitops import descriptors, places

    del name  # the workload is named after its component
    work = _Work("workload create", only_files=False, **more)
    owner = {"namespace": namespace, "project": project, "component": component}
    spec = _described(descriptor, image) if descriptor else descriptors.plain_spec(image)
    made = descriptors.workload(**owner, spec=spec)
    if not work.is_file_system:
        return _print_workload(made, work)
    index = work.load()
    existing = index.workload(project, component)
    if existing is not None and descriptor is None:
        made = descriptors.with_image(existing.manifest, image)
    found = next(iter(index.components(project, component)), None)
    path = places.workload_file(found, existing, output=work.output_path)
    work.put(path, made, "Workload written to", label="")
    return 0


def _print_workload(made: Manifest, work: _Work) -> int:
    from choreo_local.gitops import repository

    if work.output_path and not work.dry_run:
        repository.write(Path(work.output_path), made)
        output.emit(output.safe(f"Workload CR written to {work.output_path}"))
    else:
        output.emit(repository.text(made).rstrip())
    return 0


def _described(descriptor: Path, image: str) -> Manifest:
    from choreo_local.gitops import descriptors, repository

    def read(relative: str) -> str:
        return (descriptor.parent / relative).read_text(encoding="utf-8")

    try:
        documents = repository.read(descriptor)
        return descriptors.spec_of(documents[0] if documents else None, image=image, read=read)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"failed to create workload from descriptor '{descriptor}': {error}",
            remedy="Name a file that is there: --descriptor FILE",
        ) from error


class _Work:
    """One run of a command over a repository.

    Attributes:
        config: the repository's own configuration.
    """

    def __init__(
        self,
        command: str,
        *,
        mode: str,
        root_dir: Path,
        output_path: str,
        dry_run: bool,
        only_files: bool = True,
    ) -> None:
        self.is_file_system = mode == _FILE_SYSTEM
        if only_files and not self.is_file_system:
            raise UsageError(
                f"{command} only supports file-system mode", remedy=f"Add: --mode {_FILE_SYSTEM}"
            )
        self.output_path = output_path
        self.dry_run = dry_run
        self._root = root_dir
        self._project = ""
        self._component = ""
        self.config: ReleaseConfig

    def select(self, *, everything: bool, project: str, component: str) -> None:
        """Which components; UsageError unless exactly one way to choose them is taken."""
        if everything is bool(project or component) or (component and not project):
            raise UsageError("choose --all, --project, or --project with --component")
        self._project, self._component = project, component

    def load(self) -> Index:
        """Read the repository."""
        from choreo_local.gitops import places, repository

        output.emit("Loading index...")
        found = repository.scan(self._root)
        file = self._root / places.CONFIG_FILE
        documents = repository.read(file) if file.is_file() else []
        if documents:
            self.config = places.release_config(documents[0])
        else:
            self.config = places.ReleaseConfig({})
        return found

    def each(self, index: Index, one: Callable[[Entry], None], *, what: str) -> int:
        """Do it for each component; the number of those for which it could not be done."""
        found: Sequence[Entry] = index.components(self._project, self._component)
        if self._component:
            if not found:
                title = f"{self._project}/{self._component}"
                raise UsageError(f"component {title} not found in the repository")
            one(found[0])
            return 0
        errors = 0
        for entry in found:
            try:
                one(entry)
            except ChoreoError as error:
                errors += 1
                title = f"{entry.owner('projectName')}/{entry.name}"
                text = f"Error generating {what} for {title}: {error.message}"
                output.say(output.safe(text))
        return errors

    def put(self, path: Any, manifest: Manifest, verb: str, *, label: str) -> None:
        """Write a file below the root, or print it."""
        from choreo_local.gitops import repository

        target = self._root / path
        if not self.dry_run:
            repository.write(target, manifest)
            output.emit(output.safe(f"{verb}: {target}"))
            return
        if label and not self._component:
            output.emit(output.safe(f"# {label}: {target}"))
        output.emit(repository.text(manifest).rstrip())
        if not self._component:
            output.emit("---")

    def summarise(self, text: str) -> None:
        """The last line of a run over many components."""
        if not self._component:
            output.emit(f"\nSummary: {text}")
