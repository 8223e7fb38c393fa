"""The kubeconfig files that we write, read by the libraries that others use."""

from __future__ import annotations

import base64

import yaml

from choreo_local.kubeclient import kubeconfig


def test_a_certificate_is_carried_in_the_file() -> None:
    content = yaml.safe_load(
        kubeconfig.of_certificate(
            name="choreo-default",
            server="https://127.0.0.1:6550",
            authority=b"CA",
            certificate=b"CERT",
            key=b"KEY",
        )
    )

    assert content["current-context"] == "choreo-default"
    context = content["contexts"][0]["context"]
    assert context == {
        "cluster": "choreo-default",
        "user": "choreo-default",
        "namespace": "default",
    }
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    assert cluster["server"] == "https://127.0.0.1:6550"
    assert base64.b64decode(cluster["certificate-authority-data"]) == b"CA"
    assert base64.b64decode(user["client-certificate-data"]) == b"CERT"
    assert base64.b64decode(user["client-key-data"]) == b"KEY"


def test_a_token_takes_the_place_of_the_certificate() -> None:
    content = yaml.safe_load(
        kubeconfig.of_token(name="n", server="https://x", authority=b"CA", token="secret: 'x'")
    )

    assert content["users"] == [{"name": "n", "user": {"token": "secret: 'x'"}}]
