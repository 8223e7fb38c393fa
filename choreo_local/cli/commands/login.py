"""`choreo login` and `choreo logout`: act as somebody else than the owner of the instance.

The owner needs no password: whoever can read the token in the state folder is administrator
already. Acting as one of the instance's users shows what that user may do and see; to sign in is
for those who have an account at the provider of the API.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import click

from choreo_local.cli import connection, output
from choreo_local.errors import PreflightError, UsageError, WaitTimeoutError
from choreo_local.paths import InstancePaths

if TYPE_CHECKING:
    from choreo_local.apiclient.sessions import Provider, Session

_PATIENCE_SECONDS = 600.0


@click.command()
@click.option(
    "--as",
    "persona",
    default="",
    metavar="USER",
    help="Act as a user without a password: admin, developer, platform-engineer, sre, your own.",
)
@click.option("--client-credentials", is_flag=True, help="Sign in as a program.")
@click.option("--client-id", envvar="OCC_CLIENT_ID", default="", help="Which program.")
@click.option(
    "--client-secret",
    envvar="OCC_CLIENT_SECRET",
    default="",
    help="Its secret; better in OCC_CLIENT_SECRET, where no list of processes shows it.",
)
@click.option("--scope", default="", help="What the program asks for.")
@click.pass_obj
def login(
    name: str,
    *,
    persona: str,
    client_credentials: bool,
    client_id: str,
    client_secret: str,
    scope: str,
) -> int:
    """Act as somebody else until `choreo logout`.

    As the owner of an instance use --as. Without it you sign in: in a browser, with a code that is
    shown here, or with --client-credentials as a program.
    """
    if persona and client_credentials:
        raise UsageError("--as and --client-credentials exclude each other")
    if persona:
        return _act_as(name, persona)
    from choreo_local.apiclient import sessions

    provider = sessions.discover(connection.url(name))
    if client_credentials:
        if not client_id or not client_secret:
            raise UsageError(
                "client ID and client secret are required",
                remedy="Give --client-id and --client-secret, or OCC_CLIENT_ID and "
                "OCC_CLIENT_SECRET in the environment",
            )
        session = sessions.of_program(provider, client_id, client_secret, scope=scope)
    else:
        session = _in_browser(provider)
    sessions.save(InstancePaths.of(name).session, session)
    output.say(output.safe(f'Authentication successful: you act as "{session.who}".'))
    output.say("End it with: choreo logout")
    return 0


def _in_browser(provider: Provider) -> Session:
    """Wait until a person has allowed us at the provider's page."""
    from choreo_local.apiclient import sessions

    code = sessions.begin(provider)
    output.say(output.safe(f"Open {code.complete}"))
    output.say(output.safe(f"and confirm the code {code.user}; waiting …"))
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        session = sessions.ask(provider, code)
        if session is not None:
            return session
        # The provider says how often it may be asked.
        time.sleep(code.interval)
    raise WaitTimeoutError("nobody confirmed the code in time", remedy="Begin again: choreo login")


def _act_as(name: str, persona: str) -> int:
    from choreo_local.allinone.instance import write_private
    from choreo_local.apiclient import login as logins
    from choreo_local.apiclient.client import ApiClient
    from choreo_local.apiclient.transport import Blocking

    paths = InstancePaths.of(name)
    own = logins.find_own(paths)

    async def ask() -> Any:
        async with ApiClient(own.url, own.token, persona=persona, travels=Blocking) as client:
            return await client.profile()

    user = asyncio.run(ask())["user"]
    paths.session.unlink(missing_ok=True)
    write_private(paths.persona, persona + "\n")
    values = ", ".join(user["entitlement_values"])
    output.say(output.safe(f'You act as "{persona}" ({user["entitlement_claim"]}: {values}).'))
    output.say("Act as yourself again with: choreo logout")
    return 0


@click.command()
@click.pass_obj
def logout(name: str) -> int:
    """Act as yourself again; who signed in is signed out."""
    from choreo_local.apiclient import sessions

    paths = InstancePaths.of(name)
    is_other, is_ended = False, True
    for path in (paths.persona, paths.session):
        try:
            if path == paths.session:
                is_ended = sessions.end(path)
            else:
                path.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise PreflightError(
                f"cannot remove {path}: {error.strerror}", remedy="Remove it yourself"
            ) from error
        is_other = True
    if not is_ended:
        output.say("The provider could not be told, so your tokens stay good until they end.")
    if is_other:
        output.say("You act as yourself again: the owner of the instance.")
    else:
        output.say("You act as yourself; nothing to do.")
    return 0
