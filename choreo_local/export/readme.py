"""README.md of an export: the commands in their order, and what to look at after each. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from choreo_local.export import index
from choreo_local.export.addresses import Addresses
from choreo_local.export.planes import CONTROL, Plane, file_name
from choreo_local.export.readmeparts import (
    BUILDS,
    CHECKS,
    INTRODUCTION,
    REGISTER_SCRIPT,
    TELEMETRY,
    chart,
    prerequisites,
    temporary_folder,
)
from choreo_local.export.state import UNDECIDED, Left
from choreo_local.export.values import BACKSTAGE_SECRET, CONTROL_CHART

NAME = "README.md"
REGISTER = "register.sh"
_CONTEXT = "CONTROL_PLANE"


def register_script() -> str:
    """The script that joins a plane to the control plane."""
    return REGISTER_SCRIPT


def text(
    found: Sequence[Plane],
    names: Addresses,
    *,
    hosts: Mapping[str, Sequence[str]],
    paths: Set[str],
    own_authorities: Set[str],
    pending: Set[str],
    entries: Mapping[str, Sequence[str]],
    with_secrets: bool,
    left: Sequence[Left],
) -> str:
    """The whole text.

    Args:
        found: the planes.
        names: of the installation.
        hosts: folder of a plane → below which names its gateways answer.
        paths: of all files.
        own_authorities: folders of planes whose agents have an authority made for the export.
        pending: registrations that lack the authority of the agents.
        entries: of the secret stores: key → properties.
        with_secrets: whether their values are among the files.
        left: what does not move.
    """
    guide = _Guide(found, names, hosts, paths, own_authorities, pending, entries, with_secrets)
    sections = [
        INTRODUCTION.format(version=index.OPENCHOREO),
        guide.preparation(),
        guide.control_plane(),
        *(guide.plane(number, plane) for number, plane in enumerate(found, 3)),
        guide.registration(len(found) + 3),
        guide.objects(len(found) + 4),
        CHECKS.format(number=len(found) + 5, control=f'"${_CONTEXT}"', apps=names.apps),
        _left(left),
    ]
    return "\n".join(section.strip("\n") + "\n" for section in sections)


@dataclass(frozen=True, slots=True)
class _Guide:
    planes: Sequence[Plane]
    names: Addresses
    hosts: Mapping[str, Sequence[str]]
    paths: Set[str]
    own_authorities: Set[str]
    pending: Set[str]
    entries: Mapping[str, Sequence[str]]
    with_secrets: bool

    def preparation(self) -> str:
        contexts = [f"export {_CONTEXT}=…"]
        contexts += [f"export {_variable(plane)}=…" for plane in self.planes]
        records = "\n".join(f"| `{host}` | {where} |" for host, where in self._records())
        undecided = (
            f"**No domain was chosen.** The names below end in `{UNDECIDED}`, and the charts "
            "refuse such names. Export again with `--domain`, and with `--apps-domain` if "
            "components shall have a domain of their own.\n\n"
            if self.names.domain == UNDECIDED
            else ""
        )
        return (
            "## 1. Prepare\n\n"
            "Name the kubectl context of each cluster.\n\n"
            + _shell(*contexts)
            + f"\n{undecided}These names must lead to the gateways of the clusters:\n\n"
            "| name | leads to |\n| --- | --- |\n" + records
        )

    def _records(self) -> Iterator[tuple[str, str]]:
        for name in ("api", "thunder", "cluster-gateway"):
            yield self.names.host(name), "the control plane"
        yield self.names.domain, "the control plane (web interface)"
        for plane in self.planes:
            for host in self.hosts[plane.folder]:
                yield f"*.{host}", plane.folder
            if plane.type == "observability-plane":
                yield self.names.host("observer"), plane.folder
                yield f"*.{self.names.host('observability')}", plane.folder

    def control_plane(self) -> str:
        namespace, context = CONTROL_CHART, f'"${_CONTEXT}"'
        keys = " ".join(
            f'--from-literal={key}="$(openssl rand -hex 24)"'
            for key in ("backend-secret", "client-secret")
        )
        empty = " ".join(
            f"--from-literal={key}="
            for key in ("jenkins-api-key", "github-actions-token", "github-oauth-client-secret")
        )
        wait = f"kubectl --context {context} -n {namespace} wait certificate/cluster-gateway-ca"
        authority = "jsonpath={.data.ca\\.crt}"
        return (
            "## 2. Control plane\n\n"
            "An identity provider must answer at the URLs under `security.oidc` of "
            f"`{CONTROL}/values.yaml`. They are those of Thunder, which upstream installs; for "
            "another provider change them. `client-secret` below must be that of the web "
            "interface's client there.\n\n"
            + _shell(
                *prerequisites(context, namespace, gateway=True, secrets=False),
                f"kubectl --context {context} create namespace {namespace}",
                f"kubectl --context {context} -n {namespace} create secret generic "
                f"{BACKSTAGE_SECRET} {keys} {empty}",
                chart(context, CONTROL_CHART, namespace, f"{CONTROL}/values.yaml"),
                temporary_folder(context, namespace),
                f"kubectl --context {context} -n {namespace} wait deployment --all "
                "--for=condition=Available --timeout=300s",
                f"{wait} --for=condition=Ready --timeout=120s",
                f"kubectl --context {context} -n {namespace} get secret cluster-gateway-ca "
                f"-o '{authority}' | base64 -d > cluster-gateway-ca.crt",
            )
            + "\n`cluster-gateway-ca.crt` is what agents recognise the control plane by. It is "
            "public; its key stays on the control plane."
        )

    def plane(self, number: int, plane: Plane) -> str:
        context, namespace = f'"${_variable(plane)}"', plane.namespace
        has_gateway = plane.type != "workflow-plane"
        lines = [
            *prerequisites(context, namespace, gateway=has_gateway, secrets=True),
            f"kubectl --context {context} apply --server-side -f {plane.folder}/namespaces.yaml",
            f"kubectl --context {context} -n {namespace} create configmap cluster-gateway-ca "
            "--from-file=ca.crt=cluster-gateway-ca.crt",
        ]
        if plane.folder in self.own_authorities:
            file = f"{plane.folder}/agent-authority.yaml"
            lines.append(f"kubectl --context {context} apply --server-side -f {file}")
        if plane.stores:
            file = f"{plane.folder}/secret-store.yaml"
            lines.append(f"kubectl --context {context} apply --server-side -f {file}")
            lines += self._seeding(context)
        lines.append(chart(context, plane.chart, namespace, f"{plane.folder}/values.yaml"))
        if has_gateway:
            lines.append(temporary_folder(context, namespace))
        if f"{plane.folder}/gateways.yaml" in self.paths:
            file = f"{plane.folder}/gateways.yaml"
            lines.append(f"kubectl --context {context} apply --server-side -f {file}")
        lines += [
            f"kubectl --context {context} -n {namespace} wait deployment --all "
            "--for=condition=Available --timeout=600s",
            f"kubectl --context {context} -n {namespace} wait "
            f"certificate/{plane.agent_certificate} --for=condition=Ready --timeout=120s",
        ]
        return f"## {number}. {plane.folder}\n\n{self._words(plane)}" + _shell(*lines)

    def _words(self, plane: Plane) -> str:
        words = []
        if not plane.is_here:
            words.append(
                "This plane was a cluster of its own already. Nothing has to be installed: give "
                f"its agent `{self.names.agents}` as its server and the new "
                "`cluster-gateway-ca.crt`, and restart it. The commands are for a new one."
            )
        if plane.stores:
            words.append(
                "The secret store below is on OpenBao, which upstream's `install/prerequisites/"
                "openbao/setup.sh` sets up in the namespace `openbao`. Any other store of the same "
                "name will do: then leave `secret-store.yaml` out."
            )
            words.append(self._entries())
        if plane.type == "workflow-plane":
            words.append(BUILDS)
        if plane.type == "observability-plane":
            words.append(TELEMETRY)
        return "".join(f"{each}\n\n" for each in words)

    def _entries(self) -> str:
        if not self.entries:
            return "No object asks for an entry of it."
        listed = "\n".join(
            f"| `{_cell(key)}` | {', '.join(f'`{_cell(name)}`' for name in names)} |"
            for key, names in self.entries.items()
        )
        where = (
            "Their values are in `secrets/`: keep that folder out of version control, and delete "
            "it afterwards."
            if self.with_secrets
            else "Their values were not exported (`--with-secrets` does): enter them by hand."
        )
        table = f"| key | properties |\n| --- | --- |\n{listed}"
        return f"It must hold these entries. {where}\n\n{table}"

    def _seeding(self, context: str) -> list[str]:
        put = (
            f"kubectl --context {context} -n openbao exec -i openbao-0 -- bao kv put -mount=secret"
        )
        if self.with_secrets:
            return [
                "(cd secrets && find . -name '*.json') | while read -r entry; do",
                f'  key="${{entry#./}}"; {put} "${{key%.json}}" - < "secrets/$entry"',
                "done",
            ]
        return [
            f"{put} {shlex.quote(key)} " + " ".join(f"{shlex.quote(name)}=…" for name in names)
            for key, names in self.entries.items()
        ]

    def registration(self, number: int) -> str:
        lines = []
        for plane in self.planes:
            mine = [path for path in self._registrations(plane) if path in self.pending]
            context = f'"${_variable(plane)}"'
            if mine:
                lines.append(f"sh {REGISTER} {context} {plane.namespace} {' '.join(mine)}")
            lines += [
                f'kubectl --context "${_CONTEXT}" apply --server-side -f {path}'
                for path in self._registrations(plane)
                if path not in mine
            ]
        return (
            f"## {number}. Join the planes\n\n"
            "The control plane lets an agent in when it knows the authority of its certificate. "
            f"Where that is read from the plane, `{REGISTER}` puts it into the registration. "
            "Certificates that a plane signs for itself are renewed after about 75 days: then the "
            "agent must be restarted and the same line run again "
            "(`--stable-plane-ca` of `choreo export split` avoids that).\n\n"
            + _shell(
                f'kubectl --context "${_CONTEXT}" apply --server-side -f '
                f"{CONTROL}/resources/10-namespaces.yaml",
                *lines,
            )
        )

    def _registrations(self, plane: Plane) -> list[str]:
        return [file_name(obj) for obj in plane.objects]

    def objects(self, number: int) -> str:
        return (
            f"## {number}. Apply the objects\n\n"
            "The names of the files are the order. Releases keep their names, so bindings pin what "
            "they pinned. The new cluster numbers all objects anew: pods carry these numbers, and "
            "logs and metrics from before cannot be found under the new ones.\n\n"
            + _shell(f'kubectl --context "${_CONTEXT}" apply --server-side -f {CONTROL}/resources/')
        )


def _left(left: Sequence[Left]) -> str:
    if not left:
        return "## What stays behind\n\nNothing."
    rows = "\n".join(
        f"| {_cell(each.what)} | {_cell(each.why)} | {_cell(each.instead)} |" for each in left
    )
    return f"## What stays behind\n\n| what | why | instead |\n| --- | --- | --- |\n{rows}"


def _cell(words: str) -> str:
    return " ".join(words.replace("|", "\\|").split())


def _variable(plane: Plane) -> str:
    return plane.folder.upper().replace("-", "_")


def _shell(*lines: str) -> str:
    return "```sh\n" + "\n".join(lines) + "\n```\n"
