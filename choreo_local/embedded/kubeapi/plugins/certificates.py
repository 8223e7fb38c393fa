"""Signing requests say who has made them, whatever their maker says."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.core import Attributes

_RESOURCE = "certificatesigningrequests.certificates.k8s.io"
_REQUESTOR = ("username", "uid", "groups", "extra")


class CertificateRequests:
    """Notes the maker of a signing request, and keeps the request as it was made."""

    def mutate(self, attributes: Attributes) -> None:
        """Fill in the maker."""
        call, obj = attributes.call, attributes.new
        if call.collection.kind.group_resource != _RESOURCE or obj is None:
            return
        spec = obj.setdefault("spec", {})
        if attributes.operation != "CREATE":
            return
        for field in _REQUESTOR:
            spec.pop(field, None)
        user = call.user
        spec["username"] = user.name
        if user.uid:
            spec["uid"] = user.uid
        if user.groups:
            spec["groups"] = list(user.groups)
        if user.extra:
            spec["extra"] = {key: list(values) for key, values in user.extra.items()}

    def validate(self, attributes: Attributes) -> None:
        """Nothing to refuse."""
