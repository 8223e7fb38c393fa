"""kubectl and the cluster itself: who may do what, nodes, certificates."""

from __future__ import annotations

import base64
import json

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.clients import binaries
from tests.clients.kubectl import Kubectl
from tests.e2e.user import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NEWEST = max(binaries.KUBECTL)
GUARDED = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: guarded}
spec:
  replicas: 1
  selector: {matchLabels: {app: guarded}}
  template:
    metadata: {labels: {app: guarded}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: web, image: "choreo.local/web:1.0"}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: guarded}
spec: {minAvailable: 1, selector: {matchLabels: {app: guarded}}}
"""


def test_auth_says_who_one_is_and_what_one_may_do(kubectl: Kubectl) -> None:
    who = json.loads(kubectl("auth", "whoami", "-o", "json"))["status"]["userInfo"]
    assert "system:masters" in who["groups"]
    assert kubectl("auth", "can-i", "delete", "nodes") == "yes"
    assert "*.*" in kubectl("auth", "can-i", "--list")
    ann = ("--as=ann", "--as-group=readers")
    assert kubectl.runs("auth", "can-i", "get", "pods", *ann).out.strip() == "no"
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods,pods/log")
    kubectl("create", "rolebinding", "readers", "--role=reader", "--group=readers")
    assert kubectl("auth", "can-i", "get", "pods", *ann) == "yes"
    assert kubectl("auth", "can-i", "get", "pods", "--subresource=log", *ann) == "yes"
    assert "pods/log" in kubectl("auth", "can-i", "--list", *ann)
    assert kubectl("get", "pods", "-o", "name", *ann) == ""
    said = kubectl.refuses("get", "secrets", *ann)
    assert 'secrets is forbidden: User "ann" cannot list resource "secrets"' in said
    assert kubectl("auth", "whoami", *ann).count("ann") == 1
    token = kubectl("create", "token", "default")
    outside = ("--kubeconfig", _without_identity(kubectl))
    whoami = kubectl("auth", "whoami", "--token", token, *outside, "-o", "json")
    name = json.loads(whoami)["status"]["userInfo"]["username"]
    assert name == f"system:serviceaccount:{kubectl.namespace}:default"
    assert "Unauthorized" in kubectl.refuses("get", "pods", "--token", "nonsense", *outside)


def test_auth_reconcile_mends_roles(kubectl: Kubectl) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "mended", "namespace": kubectl.namespace},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    kubectl("auth", "reconcile", "-f", "-", text=json.dumps(role))
    kubectl("patch", "role", "mended", "--type=merge", "-p", '{"rules":[]}')
    kubectl("auth", "reconcile", "-f", "-", text=json.dumps(role))
    assert kubectl.at("role", "mended", ".rules[0].resources[0]") == "pods"


def test_nodes_are_cordoned_drained_and_tainted(kubectl: Kubectl) -> None:
    node = kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    kubectl("apply", "-f", "-", text=GUARDED)
    kubectl("rollout", "status", "deploy/guarded", "--timeout=120s")
    until(
        lambda: kubectl.at("pdb", "guarded", ".status.expectedPods") == "1",
        what="the budget counts its pods",
    )
    drain = ("drain", node, "--ignore-daemonsets", "--force", "--delete-emptydir-data")
    try:
        kubectl("cordon", node)
        assert "SchedulingDisabled" in kubectl("get", "node", node)
        if kubectl.version == NEWEST:  # each waits for seconds before it tries again
            said = kubectl.refuses(*drain, "--pod-selector=app=guarded", "--timeout=2s")
            assert "violate the pod's disruption budget" in said
        kubectl("delete", "pdb", "guarded")
        assert "evicted" in kubectl(*drain, "--pod-selector=app=guarded", "--timeout=60s")
        pending = ("get", "pods", "--field-selector=status.phase=Pending", "-o", "name")
        until(lambda: bool(kubectl(*pending)), what="its successor waits for a node")
    finally:
        kubectl("uncordon", node)
    kubectl("rollout", "status", "deploy/guarded", "--timeout=120s")
    kubectl("taint", "node", node, "test=yes:PreferNoSchedule")
    assert "test=yes:PreferNoSchedule" in kubectl("describe", "node", node)
    kubectl("taint", "node", node, "test-")
    kubectl("label", "node", node, "matrix=yes")
    kubectl("label", "node", node, "matrix-")
    assert "lease" in kubectl("get", "lease", "-n", "kube-node-lease", "-o", "name")


def test_certificates_are_approved_denied_and_signed(kubectl: Kubectl) -> None:
    name = kubectl.namespace
    request = _signing_request(name)
    kubectl("create", "-f", "-", text=json.dumps(_wanted(name, request)))
    assert "Pending" in kubectl("get", "csr", name)
    kubectl("certificate", "approve", name)
    path = ".status.certificate"
    until(lambda: bool(kubectl.at("csr", name, path)), what="the certificate is signed")
    issued = x509.load_pem_x509_certificate(base64.b64decode(kubectl.at("csr", name, path)))
    assert issued.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == name
    assert "Approved,Issued" in kubectl("get", "csr", name)
    kubectl("create", "-f", "-", text=json.dumps(_wanted(f"{name}-no", request)))
    kubectl("certificate", "deny", f"{name}-no")
    assert "Denied" in kubectl("get", "csr", f"{name}-no")
    assert "Requesting User:" in kubectl("describe", "csr", name)
    kubectl("delete", "csr", name, f"{name}-no")


def test_the_cluster_tells_what_it_is(kubectl: Kubectl) -> None:
    versions = json.loads(kubectl("version", "-o", "json"))
    assert versions["serverVersion"]["major"] == "1"
    assert versions["clientVersion"]["minor"] == kubectl.version.partition(".")[2]
    assert "control plane" in kubectl("cluster-info")
    assert kubectl("get", "--raw", "/readyz") == "ok"
    assert kubectl("get", "--raw", "/livez?verbose").endswith("livez check passed")
    dumped = kubectl("cluster-info", "dump", "--namespaces", kubectl.namespace)
    assert '"kind": "NodeList"' in dumped
    assert "clusters:" in kubectl("config", "view")
    assert kubectl("config", "current-context")
    with kubectl.follows("proxy", "--port=0") as lines:
        until(lambda: "Starting to serve" in "".join(lines), what="the proxy serves")


def _without_identity(kubectl: Kubectl) -> str:
    """A kubeconfig that knows the cluster and nobody."""
    config = yaml.safe_load(kubectl("config", "view", "--raw", "--flatten"))
    config["users"] = [{"name": user["name"], "user": {}} for user in config["users"]]
    return kubectl.file("nobody.yaml", yaml.safe_dump(config))


def _wanted(name: str, request: bytes) -> dict[str, object]:
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(request).decode(),
            "signerName": "kubernetes.io/kube-apiserver-client",
            "usages": ["client auth"],
        },
    }


def _signing_request(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
