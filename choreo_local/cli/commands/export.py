"""`choreo export …`: from this machine to clusters of one's own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from choreo_local.cli import cluster, connection, options, output
from choreo_local.errors import UsageError
from choreo_local.paths import InstancePaths

if TYPE_CHECKING:
    from choreo_local.export.state import Choices, State

_SETTINGS = ("directory.yaml", "identity.yaml")
_FOLDER = click.Path(path_type=Path, file_okay=False)
_PART = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"(?=.{{1,200}}\Z){_PART}(\.{_PART})+")


@click.group()
def export() -> None:
    """Move what was made here to clusters of your own."""


@export.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--domain", default="", help="Domain of the platform: api.DOMAIN and others.")
@click.option("--apps-domain", default="", help="Domain of components; apps.DOMAIN unless given.")
@click.option("--with-secrets", is_flag=True, help="Write the values of secrets, too.")
@click.option(
    "--stable-plane-ca",
    is_flag=True,
    help="Give each plane an authority for its agents; writes their private keys.",
)
@click.option("--force", is_flag=True, help="Replace an earlier export.")
@click.pass_obj
def split(
    name: str,
    folder: Path,
    *,
    domain: str,
    apps_domain: str,
    with_secrets: bool,
    stable_plane_ca: bool,
    force: bool,
) -> int:
    """Write what brings the planes up on separate clusters, with upstream's charts."""
    from choreo_local.export import plan, writer

    choices = _choices(domain, apps_domain, with_secrets=with_secrets)
    writer.check(folder, force=force)
    state = _state(name)
    if stable_plane_ca:
        choices = _with_authorities(name, state, choices)
    files = plan.planned(state, choices)
    writer.write(folder, files, force=force)
    _tell(folder, [file.path for file in files if file.private], with_secrets=with_secrets)
    output.emit(str(folder))
    return 0


@export.command()
@click.argument("folder", metavar="DIR", type=_FOLDER)
@click.option("--accept-changes", is_flag=True, help="Take the files as they are for the export.")
@options.output_format("table", "json", "yaml")
def verify(folder: Path, *, accept_changes: bool, form: str) -> int:
    """Check an export: is it whole, would clusters take it, does it fit together?"""
    from choreo_local.export import reading, verify, writer

    tree = reading.read(folder)
    if accept_changes:
        writer.replace(folder, verify.accepted(tree))
        tree = reading.read(folder)
    verdict = verify.verified(tree)
    if form != "table":
        problems = [problem._asdict() for problem in verdict.problems]
        output.data({"problems": problems, "open": list(verdict.open)}, form)
        return 1 if verdict.problems else 0
    for problem in verdict.problems:
        output.emit(output.safe(str(problem)))
        output.emit(output.safe(f"  fix: {problem.remedy}"))
    for point in verdict.open:
        output.say(output.safe(f"still open: {point}"))
    if verdict.problems:
        count = len(verdict.problems)
        output.say(f"{count} problem{'s' if count > 1 else ''} in {folder}.")
        return 1
    output.say(f"{folder} is whole and fits together: {len(tree.files)} files.")
    return 0


def _choices(domain: str, apps_domain: str, *, with_secrets: bool) -> Choices:
    from choreo_local.export.state import UNDECIDED, Choices

    for given in (domain, apps_domain):
        if given and not _DOMAIN.fullmatch(given):
            raise UsageError(
                f'"{given}" is no domain', remedy="Give a name of at least two parts: example.com"
            )
    domain = domain or UNDECIDED
    return Choices(domain, apps_domain or f"apps.{domain}", with_secrets=with_secrets)


def _state(name: str) -> State:
    from choreo_local.allinone import bundles
    from choreo_local.export import gathering

    paths = InstancePaths.of(name)
    record = connection.running(name)

    return cluster.with_kube(
        name,
        "an export",
        lambda client: gathering.gather(
            client,
            defaults=bundles.load("authz").manifests({}),
            ports=record.ports,
            folders=[str(paths.root)],
            settings=[name for name in _SETTINGS if (paths.root / name).exists()],
        ),
    )


def _with_authorities(name: str, state: State, choices: Choices) -> Choices:
    """The same choices with an authority for each plane: made once, kept with the instance."""
    from dataclasses import replace

    from choreo_local import pki
    from choreo_local.export import planes
    from choreo_local.export.state import Identity

    found: dict[str, Identity] = {}
    for plane in planes.planes(state):
        if plane.is_here:
            folder = InstancePaths.of(name).pki / "export" / plane.folder
            made = pki.ensure_authority(folder, f"choreo agents of {plane.folder}")
            found[plane.folder] = Identity(made.certificate.decode(), made.key.decode())
    return replace(choices, authorities=found)


def _tell(folder: Path, private: list[str], *, with_secrets: bool) -> None:
    if private:
        output.say(f"Secret, readable by you alone: {', '.join(private)}")
        output.say("Keep these files out of version control.")
    if not with_secrets:
        output.say("Values of secrets were not written; README.md lists what to enter.")
    output.say(f"Next: read {folder / 'README.md'} · choreo export verify {folder}")
