"""Where the API of an instance is, and the token for it: from the environment or its state files.

Scripts and containers set `CHOREO_API_URL` and `CHOREO_TOKEN` (`choreo env` prints them); everybody
else reads what the running instance wrote.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from choreo_local.errors import PreflightError, UnreachableError
from choreo_local.paths import InstancePaths

URL_VARIABLE = "CHOREO_API_URL"
TOKEN_VARIABLE = "CHOREO_TOKEN"


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach an API; the token is left out of the representation.

    Attributes:
        persona: the user as whom the owner acts; "" for themselves.
        signed_in: who signed in; "" for the owner, and where a token was given.
    """

    url: str
    token: str = field(repr=False)
    persona: str = ""
    signed_in: str = ""


def find(paths: InstancePaths, environ: Mapping[str, str] = os.environ) -> Access:
    """The access that the environment names, else that of the instance.

    Raises UnreachableError when the instance does not run, PreflightError when its files cannot
    be read.
    """
    url, token = environ.get(URL_VARIABLE), environ.get(TOKEN_VARIABLE)
    if token:
        # Somebody's own: only the owner can act as others.
        return Access(url or _url(paths), token)
    if paths.session.exists():
        where = url or _url(paths)
        from choreo_local.apiclient import sessions  # only who signed in waits for it

        session = sessions.load(paths.session)
        if session is not None:
            return Access(where, session.access_token, signed_in=session.who)
    persona = read_persona(paths.persona)
    return Access(url or _url(paths), read_token(paths.token), persona)


def find_own(paths: InstancePaths) -> Access:
    """The access of the instance's owner, whoever they act as now; raises what `find` raises."""
    return Access(_url(paths), read_token(paths.token))


def read_persona(path: Path) -> str:
    """The user as whom the owner acts; "" for themselves."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise PreflightError(
            f"cannot read whom you act as in {path}: {error}",
            remedy=f"Act as yourself again: choreo logout; or remove {path}",
        ) from error


def read_token(path: Path) -> str:
    """The content of a token file."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise _not_running(path.parent.name) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PreflightError(
            f"cannot read the token {path}: {error}",
            remedy="Run the command as the user who started the instance",
        ) from error


def _url(paths: InstancePaths) -> str:
    name = paths.root.name
    try:
        content = json.loads(paths.instance_file.read_text(encoding="utf-8"))
        pid, port = content.get("pid"), (content.get("ports") or {}).get("api")
    except FileNotFoundError:
        raise _not_running(name) from None
    except (OSError, ValueError, AttributeError) as error:
        raise PreflightError(
            f"cannot read {paths.instance_file}: {error}",
            remedy="Restore the file from a backup, or remove everything: choreo down --purge",
        ) from error
    if not pid or not port:
        raise _not_running(name)
    return f"http://127.0.0.1:{int(port)}"


def _not_running(name: str) -> UnreachableError:
    instance = "" if name == "default" else f" --instance {name}"
    return UnreachableError(
        f'cannot reach instance "{name}": it does not run', remedy=f"Start it: choreo{instance} up"
    )
