"""Images by their pull policy."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from choreo_local.embedded.kubelet import pulling
from choreo_local.images.credentials import Credential


def secret(content: Any) -> dict[str, Any]:
    text = content if isinstance(content, str) else json.dumps(content)
    return {"data": {".dockerconfigjson": base64.b64encode(text.encode()).decode()}}


def test_credentials_are_read_in_both_forms() -> None:
    auth = base64.b64encode(b"ada:p:w").decode()
    content = {
        "auths": {
            "one.test": {"username": "bob", "password": "secret"},
            "two.test": {"auth": auth},
        }
    }
    assert pulling.registry_credentials(secret(content)) == [
        Credential("one.test", "bob", "secret"),
        Credential("two.test", "ada", "p:w"),
    ]


@pytest.mark.parametrize(
    "found",
    [
        {},
        {"data": {}},
        secret("no json"),
        secret([]),
        secret({"auths": []}),
        secret({"auths": {"a": {"auth": "%%%"}}}),
        {"data": {".dockerconfigjson": "%"}},
    ],
)
def test_malformed_credentials_are_none(found: dict[str, Any]) -> None:
    assert pulling.registry_credentials(found) == []
