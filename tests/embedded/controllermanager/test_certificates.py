"""Which certificate requests are signed, and what their certificates say."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from choreo_local import pki
from choreo_local.embedded.controllermanager.certificates import plan
from choreo_local.embedded.kubeapi.messages import User
from tests.embedded.kubeapi.harness import Api

CLIENT = "kubernetes.io/kube-apiserver-client"
SERVING = "kubernetes.io/kubelet-serving"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def authority() -> pki.Identity:
    return pki.create_authority("test")


def asked(user: str = "ann", group: str = "readers", *hosts: str) -> str:
    names = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, group),
        x509.NameAttribute(NameOID.COMMON_NAME, user),
    ]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    if hosts:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        builder = builder.add_extension(alternatives, critical=False)
    signed = builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(signed.public_bytes(serialization.Encoding.PEM)).decode()


def request(*decided: str, text: str = "", **spec: Any) -> dict[str, Any]:
    wanted = {"request": text or asked(), "signerName": CLIENT, "usages": ["client auth"], **spec}
    conditions = [{"type": type_, "status": "True"} for type_ in decided]
    return {"metadata": {"name": "r"}, "spec": wanted, "status": {"conditions": conditions}}


def issued(obj: dict[str, Any], authority: pki.Identity) -> x509.Certificate:
    (write,) = plan(obj, authority).writes
    return x509.load_pem_x509_certificate(base64.b64decode(write.obj["status"]["certificate"]))


def refused(obj: dict[str, Any], authority: pki.Identity) -> str:
    (write,) = plan(obj, authority).writes
    condition = write.obj["status"]["conditions"][-1]
    assert condition["type"] == "Failed"
    return str(condition["message"])


def test_an_approved_request_is_signed_for_its_subject_and_usages(authority: pki.Identity) -> None:
    found = issued(request("Approved"), authority)

    found.verify_directly_issued_by(authority.parsed())
    assert pki.names(found.subject) == ("ann", ("readers",))
    purposes = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]


def test_the_lifetime_is_what_was_asked_for_up_to_a_year(authority: pki.Identity) -> None:
    for seconds, days in ((3600, 0), (10**9, 365), (None, 365)):
        found = issued(request("Approved", expirationSeconds=seconds), authority)
        assert (found.not_valid_after_utc - found.not_valid_before_utc).days == days


def test_a_serving_certificate_keeps_the_names_of_its_host(authority: pki.Identity) -> None:
    text = asked("system:node:n", "system:nodes", "n.local")
    wanted = request("Approved", text=text, signerName=SERVING, usages=["server auth"])

    found = issued(wanted, authority).extensions

    names = found.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["n.local"]


def test_what_its_signer_does_not_sign_fails_with_the_reason(authority: pki.Identity) -> None:
    assert "client auth" in refused(request("Approved", usages=["server auth"]), authority)
    serving = request("Approved", signerName=SERVING, usages=["server auth"])
    assert "system:nodes" in refused(serving, authority)


def test_what_nobody_approved_or_is_another_signers_waits(authority: pki.Identity) -> None:
    assert plan(request(), authority).writes == ()
    assert plan(request("Denied"), authority).writes == ()
    assert plan(request("Approved", "Failed"), authority).writes == ()
    assert plan(request("Approved", signerName="example.com/own"), authority).writes == ()


async def test_approving_takes_the_right_to_approve_for_the_signer() -> None:
    api = await Api.start()
    body = {"metadata": {"name": "r"}, "spec": request()["spec"]}
    await api.must("POST", REQUESTS, body)
    rules: list[dict[str, Any]] = [
        {"apiGroups": ["certificates.k8s.io"], "resources": ["*"], "verbs": ["get", "update"]}
    ]
    role = {"metadata": {"name": "approver"}, "rules": rules}
    await api.must("POST", f"{RBAC}/clusterroles", role)
    subject = {"kind": "User", "name": "bob", "apiGroup": "rbac.authorization.k8s.io"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "approver"}
    binding = {"metadata": {"name": "b"}, "subjects": [subject], "roleRef": reference}
    await api.must("POST", f"{RBAC}/clusterrolebindings", binding)
    found = await api.must("GET", f"{REQUESTS}/r")
    condition = {"type": "Approved", "status": "True", "reason": "Because"}
    found["status"] = {"conditions": [condition]}

    bob = Api(api.kube, User("bob", ("system:authenticated",)))
    status, answer = await bob.call("PUT", f"{REQUESTS}/r/approval", found)
    assert status == 403
    assert f'user not permitted to approve requests with signerName "{CLIENT}"' in answer["message"]

    rules.append({**rules[0], "resources": ["signers"], "verbs": ["approve"]})
    await api.must("PUT", f"{RBAC}/clusterroles/approver", role)
    await bob.must("PUT", f"{REQUESTS}/r/approval", found)
    stored = await api.must("GET", f"{REQUESTS}/r")
    assert stored["status"]["conditions"][0]["reason"] == "Because"


async def test_nobody_becomes_a_master_by_a_certificate() -> None:
    api = await Api.start()
    spec = request(text=asked("eve", "system:masters"))["spec"]

    status, answer = await api.call("POST", REQUESTS, {"metadata": {"name": "r"}, "spec": spec})

    assert status == 403
    assert "system:masters group is not allowed" in answer["message"]
