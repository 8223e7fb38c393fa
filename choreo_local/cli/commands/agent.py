"""`choreo agent`: serve a cluster to a control plane elsewhere, and make what that takes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from choreo_local.cli import output
from choreo_local.errors import UsageError

if TYPE_CHECKING:
    from choreo_local.clusteragent.agent import State

_PLANES = ("data", "workflow", "observability")
_plane = click.option(
    "--plane",
    type=click.Choice(_PLANES),
    default="data",
    show_default=True,
    help="What the cluster is to the control plane.",
)
_file = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group(invoke_without_command=True)
@click.option("--gateway", metavar="URL", help="Where the cluster gateway is: wss://HOST:PORT/ws.")
@_plane
@click.option("--plane-id", metavar="ID", help="planeID of the plane object.")
@click.option("--cert", type=_file, help="Certificate of the agent, PEM.")
@click.option("--key", type=_file, help="Its key, PEM.")
@click.option("--ca", type=_file, help="Authority of the gateway's certificate, PEM.")
@click.option("--kubeconfig", default="", metavar="FILE", help="How the agent reaches its cluster.")
@click.option("--context", default="", metavar="NAME", help="Of the kubeconfig.")
@click.option(
    "--own-rights",
    is_flag=True,
    help="Serve as the user of the kubeconfig, not as the account that `join` describes.",
)
@click.pass_context
def agent(
    ctx: click.Context,
    *,
    gateway: str | None,
    plane: str,
    plane_id: str | None,
    cert: Path | None,
    key: Path | None,
    ca: Path | None,
    kubeconfig: str,
    context: str,
    own_rights: bool,
) -> int:
    """Serve this cluster to a control plane elsewhere: dials out, needs no open port.

    The control plane can do here what the account may do that `choreo agent join` describes, and no
    more.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    from choreo_local.allinone import remoteagent

    if not gateway or not plane_id or cert is None or key is None:
        raise UsageError(
            "an agent needs --gateway, --plane-id, --cert and --key",
            remedy="Make them beside the control plane: choreo agent join --plane-id ID DIR",
        )
    wanted = remoteagent.Wanted(
        gateway=gateway,
        plane=plane,
        plane_id=plane_id,
        certificate=cert,
        key=key,
        authority=ca,
        kubeconfig=kubeconfig,
        context=context,
        own_rights=own_rights,
    )
    return asyncio.run(remoteagent.run(wanted, _tell))


def _tell(state: State) -> None:
    if state.connected:
        output.say("connected to control plane")
    else:
        output.say(f"not connected, trying again: {state.problem}")


@agent.command()
@_plane
@click.option("--plane-id", required=True, metavar="ID", help="planeID of the plane object.")
@click.option("--namespace", "-n", default="default", show_default=True, help="Of the plane.")
@click.option(
    "--host",
    default="openchoreoapis.localhost",
    show_default=True,
    help="Parent of the host names of its endpoints.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=19080,
    show_default=True,
    help="Port of its gateway.",
)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def join(
    name: str, folder: Path, *, plane: str, plane_id: str, namespace: str, host: str, port: int
) -> int:
    """Write into FOLDER what another cluster needs to join this instance as a plane.

    Certificates for its agent, the plane object for this instance, the account of the agent on its
    cluster; and the commands that remain.
    """
    from choreo_local.allinone import remoteagent

    joining = remoteagent.Joining(plane, plane_id, namespace, host, port)
    for step in remoteagent.join(name, folder, joining):
        output.emit(step)
    return 0
