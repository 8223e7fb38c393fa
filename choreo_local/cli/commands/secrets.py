"""`choreo secret …`: values that the platform keeps on a plane, as upstream's client has them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from choreo_local.api import labels, registry
from choreo_local.cli import ages, connection, objects, options, output
from choreo_local.errors import UsageError

if TYPE_CHECKING:
    from choreo_local.apiclient.client import ApiClient
    from choreo_local.apiclient.secrets import Secrets

F = TypeVar("F", bound=Callable[..., Any])
Values = dict[str, str]
_FILE = click.Path(path_type=Path, dir_okay=False)
_CATEGORIES = ("generic", "git-credentials")


def _of(client: ApiClient, namespace: str) -> Secrets:
    from choreo_local.apiclient.secrets import Secrets

    return Secrets(client, namespace)


@click.group()
def secret() -> None:
    """Keep secrets on planes."""


@secret.command("list")
@options.output_format(*output.FORMATS)
@options.namespace
@click.pass_obj
def list_secrets(name: str, *, form: str, namespace: str) -> int:
    """List the secrets of the namespace; never their values, unless -o asks for the objects."""

    async def ask(client: ApiClient) -> tuple[Sequence[Any], dict[str, str]]:
        reference = registry.KINDS["SecretReference"]
        found = await _of(client, namespace).all()
        references = await objects.read_all(client, reference, namespace) if found else []
        return found, {each["metadata"]["name"]: _plane(each) for each in references}

    found, planes = connection.with_api(name, ask)
    if not found and form in ("table", "wide"):
        output.say_none("secrets", namespace)
        return 0
    output.objects(
        found,
        form,
        columns=["NAME", "TYPE", "TARGET PLANE", "AGE"],
        row=lambda obj: [
            obj["metadata"]["name"],
            str(obj.get("type", "")),
            planes.get(obj["metadata"]["name"], ""),
            ages.age(obj["metadata"].get("creationTimestamp")),
        ],
    )
    return 0


def _plane(reference: Any) -> str:
    found = (reference.get("spec") or {}).get("targetPlane") or {}
    return f"{found['kind']}/{found['name']}" if found.get("name") else ""


@secret.command("get")
@click.argument("secret_name", metavar="NAME")
@options.output_format("yaml", "json", "name", default="yaml")
@options.namespace
@click.pass_obj
def get_secret(name: str, secret_name: str, *, form: str, namespace: str) -> int:
    """Show a secret with its values."""
    found = connection.with_api(name, lambda client: _of(client, namespace).get(secret_name))
    output.objects([found], form, columns=(), row=lambda _: (), single=True)
    return 0


@secret.command("delete")
@click.argument("secret_name", metavar="NAME")
@options.namespace
@click.pass_obj
def delete_secret(name: str, secret_name: str, *, namespace: str) -> int:
    """Remove a secret wherever it is kept."""
    connection.with_api(name, lambda client: _of(client, namespace).delete(secret_name))
    output.emit(output.safe(f"Secret '{secret_name}' deleted"))
    return 0


@secret.group("create")
def create() -> None:
    """Store a new secret."""


def _target(function: F) -> F:
    """The options of every new secret."""
    for option in (
        click.option(
            "--target-plane", required=True, metavar="KIND/NAME", help="Where it is kept."
        ),
        options.namespace,
    ):
        function = option(function)
    return function


def _sources(function: F) -> F:
    """Where values come from."""
    for option in (
        click.option("--from-literal", "literals", multiple=True, metavar="KEY=VALUE"),
        click.option("--from-file", "files", multiple=True, metavar="[KEY=]PATH"),
        click.option("--from-env-file", "env_files", multiple=True, type=_FILE, metavar="PATH"),
    ):
        function = option(function)
    return function


@create.command("generic")
@click.argument("secret_name", metavar="NAME")
@_sources
@click.option("--category", type=click.Choice(_CATEGORIES), default="generic", show_default=True)
@click.option("--type", "kind", default="Opaque", show_default=True, help="As in Kubernetes.")
@_target
@click.pass_obj
def create_generic(
    name: str,
    secret_name: str,
    *,
    literals: Sequence[str],
    files: Sequence[str],
    env_files: Sequence[Path],
    category: str,
    kind: str,
    target_plane: str,
    namespace: str,
) -> int:
    """Keep values of any sort."""
    data = _values(literals, files, env_files)
    if not data:
        raise UsageError("there is no value: --from-literal, --from-file or --from-env-file")
    return _store(
        name,
        namespace,
        secret_name,
        kind=kind,
        target_plane=target_plane,
        data=data,
        category=category,
    )


@create.command("docker-registry")
@click.argument("secret_name", metavar="NAME")
@click.option("--docker-server", required=True)
@click.option("--docker-username", required=True)
@click.option("--docker-password", required=True)
@click.option("--docker-email", default="")
@_target
@click.pass_obj
def create_registry(
    name: str, /, secret_name: str, *, target_plane: str, namespace: str, **account: str
) -> int:
    """Keep the account of an image registry."""
    user, password = account["docker_username"], account["docker_password"]
    entry = {"username": user, "password": password}
    if account["docker_email"]:
        entry["email"] = account["docker_email"]
    entry["auth"] = base64.b64encode(f"{user}:{password}".encode()).decode()
    data = {".dockerconfigjson": json.dumps({"auths": {account["docker_server"]: entry}})}
    kind = "kubernetes.io/dockerconfigjson"
    return _store(name, namespace, secret_name, kind=kind, target_plane=target_plane, data=data)


@create.command("tls")
@click.argument("secret_name", metavar="NAME")
@click.option("--cert", type=_FILE, required=True, help="Certificate, PEM.")
@click.option("--key", type=_FILE, required=True, help="Private key, PEM.")
@_target
@click.pass_obj
def create_tls(
    name: str, secret_name: str, *, cert: Path, key: Path, target_plane: str, namespace: str
) -> int:
    """Keep a certificate and its key."""
    data = {"tls.crt": _text(cert), "tls.key": _text(key)}
    return _store(
        name, namespace, secret_name, kind="kubernetes.io/tls", target_plane=target_plane, data=data
    )


def _store(
    name: str,
    namespace: str,
    secret_name: str,
    *,
    kind: str,
    target_plane: str,
    data: Values,
    category: str = "generic",
) -> int:
    plane_kind, _, plane_name = target_plane.partition("/")
    if not plane_kind or not plane_name or "/" in plane_name:
        raise UsageError(
            f'invalid --target-plane "{target_plane}": expected Kind/Name',
            remedy="E.g. --target-plane ClusterDataPlane/default",
        )
    body = {
        "secretName": secret_name,
        "secretType": kind,
        "targetPlane": {"kind": plane_kind, "name": plane_name},
        "data": data,
        "labels": {labels.SECRET_TYPE: category},
    }
    connection.with_api(name, lambda client: _of(client, namespace).create(body))
    output.emit(output.safe(f"secret/{secret_name} created"))
    return 0


@secret.command("update")
@click.argument("secret_name", metavar="NAME")
@_sources
@click.option("--replace", is_flag=True, help="Drop the values that are not given.")
@options.namespace
@click.pass_obj
def update_secret(
    name: str,
    secret_name: str,
    *,
    literals: Sequence[str],
    files: Sequence[str],
    env_files: Sequence[Path],
    replace: bool,
    namespace: str,
) -> int:
    """Change values of a secret; the others stay."""
    given = _values(literals, files, env_files)
    if not given:
        raise UsageError("there is no value: --from-literal, --from-file or --from-env-file")

    async def write(client: ApiClient) -> None:
        secrets = _of(client, namespace)
        found = await secrets.get(secret_name)
        kept = {} if replace else _decoded(found.get("data") or {})
        category = (found["metadata"].get("labels") or {}).get(labels.SECRET_TYPE)
        marks = {labels.SECRET_TYPE: category} if category else {}
        body = {"data": {**kept, **given}, "labels": marks}
        await secrets.update(secret_name, body)

    connection.with_api(name, write)
    output.emit(output.safe(f"secret/{secret_name} updated"))
    return 0


def _decoded(data: Values) -> Values:
    try:
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    except UnicodeDecodeError as error:
        raise UsageError(
            "the secret holds values that are no text, which an update would break",
            remedy="Give all values anew, with --replace",
        ) from error


def _values(literals: Sequence[str], files: Sequence[str], env_files: Sequence[Path]) -> Values:
    return dict(_pairs(literals, files, env_files))


def _pairs(
    literals: Sequence[str], files: Sequence[str], env_files: Sequence[Path]
) -> Iterator[tuple[str, str]]:
    for path in env_files:
        lines = (line.strip() for line in _text(path).splitlines())
        for line in lines:
            if line and not line.startswith("#"):
                yield _pair(line, str(path))
    for given in files:
        key, separator, path_text = given.partition("=")
        path = Path(path_text if separator else given)
        yield (key if separator else path.name), _text(path)
    for literal in literals:
        yield _pair(literal, "--from-literal")


def _pair(text: str, source: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator or not key:
        # The text may be a secret: it is not repeated.
        raise UsageError(f"{source}: a value must be written KEY=VALUE")
    return key, value


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path} as text: {error}") from error
