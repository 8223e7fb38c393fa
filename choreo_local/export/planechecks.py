"""Do the planes of an export fit together: values, registrations, addresses, trust? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509

from choreo_local.apimachinery import yamltext
from choreo_local.errors import ApiError
from choreo_local.export import order, planes, values
from choreo_local.export.documents import Document
from choreo_local.export.index import Index
from choreo_local.export.planes import CONTROL
from choreo_local.export.problems import Problem
from choreo_local.export.reading import Tree
from choreo_local.export.state import Key

Values = Mapping[str, Any]

_MEND = "Mend the value, or export again"


def problems(
    found: Sequence[Document], valid: Iterable[Document], tree: Tree, described: Index
) -> Iterator[Problem]:
    """Everything that is wrong between the planes; `valid` are objects that would be stored."""
    control_file = f"{CONTROL}/values.yaml"
    control, wrong = _values(tree, control_file, values.CONTROL_CHART)
    yield from wrong
    registered = [document for document in valid if document.key.kind in order.PLANES]
    yield from _unlisted(registered, described)
    for plane in described.planes:
        folder = plane["folder"]
        own, wrong = _values(tree, f"{folder}/values.yaml", plane["chart"])
        yield from wrong
        yield from _joined(f"{folder}/values.yaml", own, control, plane)
        mine = [each for each in registered if planes.folder_of(each.manifest) == folder]
        yield from _registrations(folder, own, mine, plane)
        yield from _of_folder(folder, found, mine, plane)
    for document in registered:
        yield from _trust(document)


def open_points(found: Iterable[Document], described: Index) -> list[str]:
    """What somebody decides or fills in on the way."""
    points = []
    for name, what in ((described.domain, "the domain"), (described.apps, "the domain of apps")):
        if name.endswith(".invalid"):
            points.append(f"{what} is not chosen: export again with --domain")
    points += [
        f"{document.file}: the authority of the agents is read from the plane by register.sh"
        for document in found
        if document.key.kind in order.PLANES and planes.is_pending(document.manifest)
    ]
    return points


def _values(tree: Tree, file: str, chart: str) -> tuple[Values, list[Problem]]:
    text = tree.files.get(file)
    if text is None:
        return {}, [Problem(file, "", "the plane has no values for its chart", "Export again")]
    known = values.KNOWN.get(chart)
    if known is None:
        return {}, [Problem(file, "", f'there is no chart "{chart}"', "Export again")]
    try:
        documents = yamltext.load_all(text)
    except ApiError as error:
        return {}, [Problem(file, "", error.message, _MEND)]
    if len(documents) != 1 or not isinstance(documents[0], dict):
        return {}, [Problem(file, "", "it must hold one object", _MEND)]
    given = dict(_leaves(documents[0], "", known))
    wrong = []
    for path, value in given.items():
        if path not in known:
            why = "we know of no such value of this chart"
            wrong.append(Problem(file, path, why, "Remove it, or give it to helm with --set"))
        elif type(value) is not known[path][0]:
            why = f"it must be a {known[path][0].__name__}"
            wrong.append(Problem(file, path, why, _MEND))
    for path, (_, needed) in known.items():
        if needed and given.get(path) in (None, "", []):
            why = "without it the planes do not find each other"
            wrong.append(Problem(file, path, why, _MEND))
    return given, wrong


def _leaves(value: Any, path: str, known: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and path not in known:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key), known)
    else:
        yield path, value


def _joined(file: str, own: Values, control: Values, plane: Mapping[str, Any]) -> Iterator[Problem]:
    server = own.get("clusterAgent.serverUrl")
    if isinstance(server, str):
        parts = urlsplit(server)
        if parts.scheme != "wss" or not parts.hostname:
            why = "an agent connects to wss://HOST:PORT/ws"
            yield Problem(file, "clusterAgent.serverUrl", why, _MEND)
        elif parts.hostname not in (control.get("clusterGateway.tls.dnsNames") or ()):
            why = f"the certificate of the cluster gateway is not for {parts.hostname}"
            remedy = f"Add the name to clusterGateway.tls.dnsNames in {CONTROL}/values.yaml"
            yield Problem(file, "clusterAgent.serverUrl", why, remedy)
    if own and own.get("clusterAgent.planeID") != plane["id"]:
        why = f'the control plane knows this plane as "{plane["id"]}"'
        yield Problem(file, "clusterAgent.planeID", why, _MEND)


def _unlisted(registered: Iterable[Document], described: Index) -> Iterator[Problem]:
    folders = {plane["folder"] for plane in described.planes}
    listed = {path for plane in described.planes for path in plane.get("registrations") or ()}
    for document in registered:
        if planes.folder_of(document.manifest) not in folders:
            why = f"the export has no folder {planes.folder_of(document.manifest)}"
            yield document.problem("spec.planeID", why, "Mend the id, or export again")
        elif document.file not in listed:
            why = "export.yaml does not list it as a registration"
            yield document.problem("", why, "Export again")


def _registrations(
    folder: str, own: Values, mine: Sequence[Document], plane: Mapping[str, Any]
) -> Iterator[Problem]:
    if not mine:
        why = f"nothing in {planes.REGISTRATIONS} registers this plane"
        yield Problem(folder, "", why, "Export again")
    for document in mine:
        gateway = document.manifest["spec"].get("gateway") or {}
        external = (gateway.get("ingress") or {}).get("external") or {}
        if plane["type"] != "data-plane" or external.get("name") != "gateway-default":
            continue
        for field, path in (("http", "gateway.httpPort"), ("https", "gateway.httpsPort")):
            port = (external.get(field) or {}).get("port")
            if port is not None and port != own.get(path):
                why = f"it is {port}, but {path} of {folder}/values.yaml is {own.get(path)}"
                name = f"spec.gateway.ingress.external.{field}.port"
                yield document.problem(name, why, "Use the same port in both")


def _of_folder(
    folder: str, found: Sequence[Document], mine: Sequence[Document], plane: Mapping[str, Any]
) -> Iterator[Problem]:
    have = {document.key for document in found if document.file.startswith(f"{folder}/")}
    if Key("Namespace", "", plane["namespace"]) not in have:
        why = f"nothing makes the namespace {plane['namespace']}"
        yield Problem(f"{folder}/namespaces.yaml", "", why, "Add it, or export again")
    for document in mine:
        store = (document.manifest["spec"].get("secretStoreRef") or {}).get("name")
        if store and Key("ClusterSecretStore", "", store) not in have:
            why = f'the plane has no secret store "{store}"'
            remedy = f"Add a ClusterSecretStore of that name to {folder}/secret-store.yaml"
            yield document.problem("spec.secretStoreRef.name", why, remedy)


def _trust(document: Document) -> Iterator[Problem]:
    field = "spec.clusterAgent.clientCA"
    agent = document.manifest["spec"].get("clusterAgent")
    client = agent.get("clientCA") if isinstance(agent, Mapping) else None
    if not isinstance(client, Mapping):
        yield document.problem(field, "it is missing", "Add it, empty if it is not known yet")
        return
    value = client.get("value")
    if not isinstance(value, str) or not value:
        return
    if "PRIVATE KEY" in value:
        why = "it holds a private key, which everybody who reads the plane would have"
        yield document.problem(f"{field}.value", why, "Make a new key, and put in the certificate")
        return
    try:
        x509.load_pem_x509_certificates(value.encode())
    except ValueError as error:
        remedy = "Put in the certificate, PEM"
        yield document.problem(f"{field}.value", f"it is no certificate: {error}", remedy)
