"""Objects → files: whole, clean, and always the same."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from choreo_local import pki
from choreo_local.export import index, leftovers, plan
from choreo_local.export.state import Choices, File, Identity
from tests.export import samples
from tests.export.samples import CHOICES

_FREE = st.integers(min_value=20_000, max_value=60_000)


def _planned(**changes: Any) -> dict[str, File]:
    choices = replace(CHOICES, **changes)
    return {file.path: file for file in plan.planned(samples.state(), choices)}


def _content(file: File) -> Any:
    return yaml.safe_load(file.content)


def test_every_kind_of_object_has_its_file_in_the_order_of_application() -> None:
    files = _planned()
    described = index.read(files[index.NAME].content)
    kinds = [
        yaml.safe_load(files[path].content.split("---\n")[0])["kind"] for path in described.apply
    ]
    assert kinds[0] == "Namespace"
    for first, then in (
        ("ClusterTrait", "ClusterComponentType"),
        ("Environment", "DeploymentPipeline"),
        ("DeploymentPipeline", "Project"),
        ("Project", "Component"),
        ("ComponentRelease", "Component"),
        ("Workload", "ReleaseBinding"),
    ):
        assert kinds.index(first) < kinds.index(then)
    assert "RenderedRelease" not in kinds


def test_the_same_instance_gives_the_same_bytes_in_whatever_order_it_is_read() -> None:
    state = samples.state()
    shuffled = list(state.objects)
    random.Random(7).shuffle(shuffled)
    assert plan.planned(state, CHOICES) == plan.planned(replace(state, objects=shuffled), CHOICES)


@given(gateway=_FREE, tls=_FREE, api=_FREE, uid=st.uuids(), version=st.integers(10**8, 10**9))
# Shrinking numbers and ids would tell nothing more.
@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_nothing_of_this_machine_remains(
    gateway: int, tls: int, api: int, uid: object, version: int
) -> None:
    ports = {"gateway": gateway, "gateway-tls": tls, "api": api}
    plane = json.loads(json.dumps(samples.bundled("ClusterDataPlane", "default")))
    external = plane["spec"]["gateway"]["ingress"]["external"]
    external["http"]["port"] = gateway
    external["https"] = {"host": "openchoreoapis.localhost", "port": tls}
    observer = json.loads(json.dumps(samples.bundled("ClusterObservabilityPlane", "default")))
    observer["spec"]["observerURL"] = f"http://127.0.0.1:{api}"
    state = samples.state(ports=ports)
    objects = [
        samples.live(each, uid=str(uid), version=str(version))
        for each in (*state.objects, plane, observer)
    ]
    kept = {
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each
        for each in objects
    }
    files = plan.planned(replace(state, objects=list(kept.values())), CHOICES)
    for file in files:
        for sign in ("127.0.0.1", "localhost", samples.FOLDER, str(uid)):
            assert sign not in file.content, (file.path, sign)
        assert not re.search(r"(?<![a-z])choreo\.(dev|local)/[\w-]+:\s", file.content), file.path
        for number in (gateway, tls, api, version):
            assert not re.search(rf"\b{number}\b", file.content), (file.path, number)
        for field in ("managedFields", "resourceVersion", "ownerReferences", "status:", "uid:"):
            assert not re.search(rf"^\s*{field}", file.content, re.MULTILINE), (file.path, field)


def test_planes_are_registered_with_the_addresses_of_the_installation() -> None:
    files = _planned()
    plane = _content(files["control-plane/planes/12-clusterdataplane-default.yaml"])
    assert plane["spec"]["gateway"]["ingress"]["external"]["http"] == {
        "host": "apps.example.com",
        "listenerName": "http",
        "port": 19080,
    }
    assert plane["spec"]["clusterAgent"] == {"clientCA": {}}
    observer = _content(files["control-plane/planes/10-clusterobservabilityplane-default.yaml"])
    assert observer["spec"]["observerURL"] == "http://observer.oc.example.com:11080"


def test_a_plane_that_is_a_cluster_already_keeps_its_addresses_and_its_trust() -> None:
    files = _planned()
    plane = _content(files["control-plane/planes/12-clusterdataplane-eu.yaml"])
    assert plane["spec"]["clusterAgent"]["clientCA"]["value"] == samples.certificate()
    assert plane["spec"]["gateway"]["ingress"]["external"]["http"]["host"] == "eu.example.org"
    assert _content(files["data-plane-eu/values.yaml"])["clusterAgent"]["planeID"] == "eu"
    readme = files["README.md"].content
    assert "was a cluster of its own already" in readme
    assert "| `*.eu.example.org` | data-plane-eu |" in readme
    assert "| `*.apps.example.com` | data-plane-default |" in readme
    assert "| `*.apps.example.com` | data-plane-eu |" not in readme


def test_agents_find_the_gateway_under_a_name_that_its_certificate_has() -> None:
    files = _planned()
    control = _content(files["control-plane/values.yaml"])
    server = _content(files["workflow-plane-default/values.yaml"])["clusterAgent"]["serverUrl"]
    assert server == "wss://cluster-gateway.oc.example.com:8443/ws"
    assert "cluster-gateway.oc.example.com" in control["clusterGateway"]["tls"]["dnsNames"]
    assert control["clusterGateway"]["tlsRoute"]["hosts"] == [
        {"host": "cluster-gateway.oc.example.com"}
    ]


def test_upstream_s_own_names_can_be_asked_for() -> None:
    choices = Choices("openchoreo.localhost", "openchoreoapis.localhost")
    files = {file.path: file for file in plan.planned(samples.state(), choices)}
    plane = _content(files["control-plane/planes/12-clusterdataplane-default.yaml"])
    external = plane["spec"]["gateway"]["ingress"]["external"]
    assert external["http"]["host"] == "openchoreoapis.localhost"
    assert external["http"]["port"] == 19080


def test_values_of_secrets_are_written_only_when_asked_for_and_for_one_reader() -> None:
    plain = _planned()
    assert not any("s3cret" in file.content for file in plain.values())
    assert "prod/db password=…" in plain["README.md"].content
    with_secrets = _planned(with_secrets=True)
    entry = with_secrets["secrets/prod/db.json"]
    assert entry.private
    assert json.loads(entry.content) == {"password": "s3cret"}
    assert "secrets/blob.json" not in with_secrets
    assert 'entry "blob" of the secret store' in with_secrets["README.md"].content


def test_secrets_beside_the_platform_are_named_but_never_read() -> None:
    files = _planned(with_secrets=True)
    assert "Secret default/webhook" in files["README.md"].content
    for file in files.values():
        assert "t0ken" not in file.content
        assert "dDBrZW4" not in file.content


def test_an_authority_made_for_the_export_is_trusted_before_the_plane_exists() -> None:
    made = pki.create_authority("agents")
    identity = Identity(made.certificate.decode(), made.key.decode())
    files = _planned(authorities={"data-plane-default": identity})
    plane = _content(files["control-plane/planes/12-clusterdataplane-default.yaml"])
    assert plane["spec"]["clusterAgent"]["clientCA"]["value"] == identity.certificate
    assert files["data-plane-default/agent-authority.yaml"].private
    agent = _content(files["data-plane-default/values.yaml"])["clusterAgent"]
    assert agent["tls"] == {"caSecretName": "cluster-agent-plane-ca", "generateCerts": False}
    private = base64_lines(identity.key)
    assert [path for path, file in files.items() if private in file.content] == [
        "data-plane-default/agent-authority.yaml"
    ]


def base64_lines(text: str) -> str:
    """How a text stands in the data of a Secret."""
    import base64

    return base64.b64encode(text.encode()).decode()


def test_what_every_installation_has_is_not_exported_but_changes_of_it_are() -> None:
    assert not any("authz" in path for path in _planned())
    role = json.loads(
        json.dumps(
            next(each for each in samples.state().defaults if each["kind"] == "ClusterAuthzRole")
        )
    )
    role["spec"]["actions"] = ["project:view"]
    files = {file.path: file for file in plan.planned(samples.state([role]), CHOICES)}
    assert "project:view" in files["control-plane/resources/11-clusterauthzroles.yaml"].content


def test_a_removed_default_is_named() -> None:
    state = samples.without(samples.state(), "ClusterAuthzRoleBinding", "developer-binding")
    text = {file.path: file for file in plan.planned(state, CHOICES)}["README.md"].content
    assert "the removal of ClusterAuthzRoleBinding developer-binding" in text


def test_what_cannot_move_is_listed_with_what_to_do_instead() -> None:
    left = index.read(_planned()[index.NAME].content).left
    said = {each.what: each for each in left}
    assert any(what.startswith("image choreo.local/greeter:1.0, used by") for what in said)
    assert "the stand-in for docker.io/postgres:17" in said
    assert "the content of PersistentVolumeClaim dp-x/data-db-0" in said
    assert "1 RenderedRelease" in said
    assert all(each.why and each.instead for each in left)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ("host.k3d.internal:10082/default-default-api:v1-a1b2c3d4", "it is in the registry"),
        ("localhost:37039/api:1", "it is in the registry"),
        ("[::1]:5000/api", "it is in the registry"),
        ("choreo.local/greeter:1.0", "it is a program of this machine"),
        ("ghcr.io/acme/api:1", ""),
        ("api", ""),
        ("localhost.example.org/api:1", ""),
    ],
)
def test_images_that_clusters_cannot_pull_are_listed(image: str, why: str) -> None:
    workload = json.loads(json.dumps(samples.bundled("Workload", "web")))
    workload["spec"]["container"]["image"] = image
    left = leftovers.leftovers(samples.state([workload]))
    found = [each for each in left if each.what.startswith(f"image {image}, used by")]
    assert [each.why.startswith(why) for each in found] == ([True] if why else [])


def test_whom_an_instance_is_told_to_trust_is_listed() -> None:
    state = replace(samples.state(), settings=["directory.yaml", "identity.yaml"])
    said = {each.what for each in leftovers.leftovers(state)}
    assert "the people and programs of directory.yaml" in said
    assert "the issuers of identity.yaml" in said


def test_addresses_that_people_wrote_are_kept_and_listed() -> None:
    workload = json.loads(json.dumps(samples.bundled("Workload", "greeter")))
    workload["spec"]["container"]["env"].append(
        {"key": "PEER", "value": f"http://localhost:{samples.PORTS['gateway']}/x"}
    )
    files = {file.path: file for file in plan.planned(samples.state([workload]), CHOICES)}
    readme = files["README.md"].content
    assert "addresses in Workload default/greeter" in readme
    assert "spec.container.env[1].value (localhost:40709)" in readme


def test_channels_have_their_namespace_where_alarms_are_sent() -> None:
    text = _planned()["observability-plane-default/namespaces.yaml"].content
    names = [each["metadata"]["name"] for each in yaml.safe_load_all(text)]
    assert names == ["default", "openchoreo-observability-plane"]


def test_commands_of_the_readme_quote_what_strangers_named() -> None:
    evil = samples.openchoreo(
        "SecretReference",
        "evil",
        {
            "template": {"type": "Opaque"},
            "data": [
                {"secretKey": "p", "remoteRef": {"key": "x; rm -rf $HOME", "property": "`id`"}}
            ],
        },
    )
    files = {file.path: file for file in plan.planned(samples.state([evil]), CHOICES)}
    assert "put -mount=secret 'x; rm -rf $HOME' '`id`'=…" in files["README.md"].content
