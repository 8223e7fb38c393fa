"""Rules of the kinds of networks."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.validation import addresses, ingresses, names, networkpolicies
from choreo_local.embedded.kubeapi.validation.rules import Rules

RULES = {
    "IPAddress": Rules(
        addresses.validate_address,
        addresses.validate_address_update,
        name=names.ip_address,
        namespaced=False,
    ),
    "Ingress": Rules(
        ingresses.validate,
        ingresses.validate_update,
        subresources={"status": ingresses.validate_status},
    ),
    "IngressClass": Rules(
        ingresses.validate_class, ingresses.validate_class_update, namespaced=False
    ),
    "NetworkPolicy": Rules(
        networkpolicies.validate, networkpolicies.validate_update, repeats=False
    ),
    "ServiceCIDR": Rules(
        addresses.validate_range,
        addresses.validate_range_update,
        namespaced=False,
    ),
}
