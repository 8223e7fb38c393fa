"""`choreo login` and `choreo logout`: the owner of an instance acts as one of its users.

The owner needs no password: whoever can read the token in the state folder is administrator
already. Acting as somebody else shows what that user may do and see.
"""

from __future__ import annotations

import asyncio
from typing import Any

import click

from choreo_local.cli import output
from choreo_local.errors import PreflightError
from choreo_local.paths import InstancePaths


@click.command()
@click.option(
    "--as",
    "persona",
    required=True,
    metavar="USER",
    help="Whom: admin, developer, platform-engineer, sre, or a user of your own.",
)
@click.pass_obj
def login(name: str, *, persona: str) -> int:
    """Act as one of the instance's users until `choreo logout`."""
    from choreo_local.allinone.instance import write_private
    from choreo_local.apiclient import login as logins
    from choreo_local.apiclient.client import ApiClient

    access = logins.find(InstancePaths.of(name), {})

    async def ask() -> Any:
        async with ApiClient(access.url, access.token, persona=persona) as client:
            return await client.profile()

    user = asyncio.run(ask())["user"]
    write_private(InstancePaths.of(name).persona, persona + "\n")
    values = ", ".join(user["entitlement_values"])
    output.say(output.safe(f'You act as "{persona}" ({user["entitlement_claim"]}: {values}).'))
    output.say("Act as yourself again with: choreo logout")
    return 0


@click.command()
@click.pass_obj
def logout(name: str) -> int:
    """Act as yourself again."""
    path = InstancePaths.of(name).persona
    try:
        path.unlink()
    except FileNotFoundError:
        output.say("You act as yourself; nothing to do.")
    except OSError as error:
        raise PreflightError(f"cannot remove {path}: {error.strerror}") from error
    else:
        output.say("You act as yourself again: the owner of the instance.")
    return 0
