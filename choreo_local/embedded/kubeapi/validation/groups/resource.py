"""Rules of the kinds of devices."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "DeviceClass": Rules(namespaced=False, repeats=False),
    "ResourceClaim": Rules(repeats=False),
    "ResourceClaimTemplate": Rules(repeats=False),
    "ResourceSlice": Rules(namespaced=False, repeats=False),
}
