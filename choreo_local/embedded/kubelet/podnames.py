"""What a pod is called, and the files by which its programs know names. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.embedded.kubelet.runtime import PodRequest

CLUSTER_DOMAIN = "cluster.local"
_LONGEST_LABEL, _LONGEST_HOSTNAME = 63, 64
_MOST_SERVERS = 3


def full(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """The name by which the DNS of the cluster knows a pod; empty without a subdomain."""
    if not spec.get("subdomain"):
        return ""
    label = _label(metadata, spec)
    return f"{label}.{spec['subdomain']}.{metadata['namespace']}.svc.{CLUSTER_DOMAIN}"


def hostname(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    """The name that the kernel tells programs."""
    whole = full(metadata, spec) if spec.get("setHostnameAsFQDN") else ""
    return whole if 0 < len(whole) <= _LONGEST_HOSTNAME else _label(metadata, spec)


def _label(metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> str:
    wanted = spec.get("hostname") or metadata["name"]
    return str(wanted)[:_LONGEST_LABEL].rstrip("-.")


def hosts_text(pod: PodRequest, address: str, *, localhost: str = "127.0.0.1") -> str:
    """The content of `/etc/hosts`; the first name of a line is the one that is told for it."""
    own = [pod.full_name, pod.hostname.partition(".")[0]] if pod.full_name else [pod.hostname]
    lines = [(address, "\t".join(own)), (localhost, "localhost")]
    lines += [(ip, name) for name, ip in pod.host_aliases.items()]
    return "".join(f"{ip}\t{names}\n" for ip, names in lines)


def resolver_text(pod: PodRequest, server: str, search: Sequence[str]) -> str:
    """The content of `/etc/resolv.conf`; `server` is where the DNS of the cluster is, if anywhere.

    It is also asked by pods that want this machine's names only: theirs are not extended, and it
    looks all others up as the machine does.
    """
    given = [*([server] if server and not pod.only_own_servers else ()), *pod.nameservers]
    servers = list(dict.fromkeys(given))[:_MOST_SERVERS]
    options = {"ndots": "ndots:5"} if pod.uses_cluster_dns else {}
    options |= {each.partition(":")[0]: each for each in pod.resolver_options}
    lines = [f"search {' '.join(search)}"] if search else []
    lines += [f"nameserver {each}" for each in servers]
    lines += [f"options {' '.join(options.values())}"] if options else []
    return "".join(f"{line}\n" for line in lines)
