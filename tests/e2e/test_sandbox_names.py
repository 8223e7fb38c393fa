"""Names as programs in sandboxed pods look them up: with glibc, with busybox, and by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.sandboxes import Cluster, container, idle, pod, service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ZONE = "svc.cluster.local"
# Asks the pod's own server; prints code, whether the answer was cut, and what it tells.
ASKER = r"""
import json, re, socket, struct, sys
TYPES = {"A": 1, "CNAME": 5, "SOA": 6, "PTR": 12, "AAAA": 28, "SRV": 33}
NAMES = {number: name for name, number in TYPES.items()}
server = re.search(r"nameserver (\S+)", open("/etc/resolv.conf").read())[1]

def name(data, at):
    labels, after = [], None
    while data[at]:
        if data[at] >= 192:
            after = after or at + 2
            at = (data[at] & 63) << 8 | data[at + 1]
            continue
        labels.append(data[at + 1:at + 1 + data[at]].decode())
        at += data[at] + 1
    return ".".join(labels), after or at + 1

def told(data, at, type_, size):
    if type_ in ("A", "AAAA"):
        family = socket.AF_INET if type_ == "A" else socket.AF_INET6
        return socket.inet_ntop(family, data[at:at + size])
    if type_ == "SRV":
        return f"{struct.unpack_from('!3H', data, at)[2]} {name(data, at + 6)[0]}"
    return name(data, at)[0]

def asked(protocol, what, type_):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in what.split("."))
    query = struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + labels + b"\0"
    query += struct.pack("!2H", TYPES[type_], 1)
    if protocol == "udp":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as given:
            given.settimeout(20)
            given.connect((server, 53))
            given.send(query)
            data = given.recv(65535)
    else:
        with socket.create_connection((server, 53), timeout=20) as given:
            given.sendall(struct.pack("!H", len(query)) + query)
            stream = given.makefile("rb")
            data = stream.read(struct.unpack("!H", stream.read(2))[0])
    _, flags, _, answers, authority, _ = struct.unpack_from("!6H", data)
    at, found = name(data, 12)[1] + 4, []
    for _ in range(answers + authority):
        owner, at = name(data, at)
        kind, _, _, size = struct.unpack_from("!2HIH", data, at)
        found.append([NAMES[kind], told(data, at + 10, NAMES[kind], size)])
        at += 10 + size
    code = {0: "found", 2: "failure", 3: "no such name"}[flags & 15]
    cut = bool(flags & 0x200)
    return {"code": code, "cut": cut, "told": found[:answers], "owners": found[answers:]}

print(json.dumps([asked(*each) for each in json.loads(sys.argv[1])]))
"""
MANY = [f"192.0.2.{number}" for number in range(1, 101)]


@pytest.fixture(scope="module", autouse=True)
def named(cluster: Cluster) -> None:
    """Members of a subdomain, Services with names to look up, and pods with odd resolvers."""
    aliases = [{"ip": "192.0.2.77", "hostnames": ["legacy", "legacy.example"]}]
    config = {
        "nameservers": ["169.254.1.1"],
        "searches": ["example.invalid", f"other.{ZONE}"],
        "options": [{"name": "ndots", "value": "2"}],
    }
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "many-1", "labels": {"kubernetes.io/service-name": "many"}},
        "addressType": "IPv4",
        "ports": [{"name": "web", "port": 80}],
        "endpoints": [{"addresses": [each]} for each in MANY],
    }
    port = {"name": "web", "port": 80, "targetPort": "http"}
    labels = {"app": "db"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}},
        pod("client", idle(), hostAliases=aliases),
        pod("odd", idle(), dnsPolicy="None", dnsConfig=config),
        pod("plain", idle(), dnsPolicy="Default"),
        pod("db-0", idle(), labels=labels, hostname="first", subdomain="db"),
        pod("db-1", idle(), labels=labels, hostname="second", subdomain="db"),
        service("web", {"app": "none"}, port),
        service("db", labels, {"name": "sql", "port": 5432}, clusterIP="None"),
        service("many", None, port, clusterIP="None"),
        slice_,
        service("alias", None, type="ExternalName", externalName=f"web.default.{ZONE}"),
        service("away", None, type="ExternalName", externalName="away.example.localhost"),
    )
    elsewhere = service("theirs", {"app": "none"}, port)
    elsewhere["metadata"]["namespace"] = "other"
    cluster.apply(elsewhere)
    cluster.until_ready("client", "odd", "plain", "db-0", "db-1")


def asked(cluster: Cluster, *questions: tuple[str, str, str]) -> list[dict[str, Any]]:
    """What the DNS of the cluster tells a pod."""
    words = json.dumps(questions)
    found: list[dict[str, Any]] = json.loads(cluster.runs("client", "python3", "-c", ASKER, words))
    return found


def resolved(cluster: Cluster, *names: str, pod: str = "client") -> dict[str, list[str]]:
    """The addresses that glibc finds."""
    program = f"""
    import json, socket
    found = {{}}
    for name in {list(names)!r}:
        try:
            told = socket.getaddrinfo(name, 80, socket.AF_UNSPEC, socket.SOCK_STREAM)
            found[name] = sorted({{each[4][0] for each in told}})
        except socket.gaierror:
            found[name] = []
    print(json.dumps(found))
    """
    found: dict[str, list[str]] = cluster.python(pod, program)
    return found


def address(cluster: Cluster, name: str, namespace: str = "default") -> str:
    """The cluster address of a Service."""
    return str(cluster.get("services", name, namespace)["spec"]["clusterIP"])


def test_short_names_are_those_of_the_pods_namespace(cluster: Cluster) -> None:
    web, theirs = address(cluster, "web"), address(cluster, "theirs", "other")
    names = ["web", "web.default", "web.default.svc", f"web.default.{ZONE}."]
    found = resolved(cluster, *names, "theirs", "theirs.other", "legacy", "legacy.example")
    assert {name: found[name] for name in names} == {name: [web] for name in names}
    assert (found["theirs"], found["theirs.other"]) == ([], [theirs])
    assert found["legacy"] == found["legacy.example"] == ["192.0.2.77"]
    # Names of this machine's own.
    assert resolved(cluster, "anything.localhost")["anything.localhost"] != []


def test_names_that_do_not_exist_are_told_from_those_without_such_an_address(
    cluster: Cluster,
) -> None:
    missing, other_family, empty = asked(
        cluster,
        ("udp", f"nothing.default.{ZONE}", "A"),
        ("udp", f"web.default.{ZONE}", "AAAA"),
        ("udp", f"default.{ZONE}", "A"),
    )
    assert (missing["code"], missing["told"]) == ("no such name", [])
    assert (other_family["code"], other_family["told"]) == ("found", [])
    assert (empty["code"], empty["told"]) == ("found", [])
    assert all(each["owners"][0][0] == "SOA" for each in (missing, other_family, empty))


def test_ports_and_addresses_have_names(cluster: Cluster) -> None:
    web = address(cluster, "web")
    backwards = ".".join(reversed(web.split(".")))
    first = cluster.status("db-0")["podIP"]
    srv, members, service_, member = asked(
        cluster,
        ("udp", f"_web._tcp.web.default.{ZONE}", "SRV"),
        ("udp", f"_sql._tcp.db.default.{ZONE}", "SRV"),
        ("udp", f"{backwards}.in-addr.arpa", "PTR"),
        ("udp", f"{'.'.join(reversed(first.split('.')))}.in-addr.arpa", "PTR"),
    )
    assert srv["told"] == [["SRV", f"80 web.default.{ZONE}"]]
    expected = [["SRV", f"5432 {name}.db.default.{ZONE}"] for name in ("first", "second")]
    assert sorted(members["told"]) == expected
    assert service_["told"] == [["PTR", f"web.default.{ZONE}"]]
    assert member["told"] == [["PTR", f"first.db.default.{ZONE}"]]


def test_pods_have_names(cluster: Cluster) -> None:
    first, second = (cluster.status(name)["podIP"] for name in ("db-0", "db-1"))
    dashed = f"{first.replace('.', '-')}.default.pod.cluster.local"
    found = resolved(cluster, "first.db", "second.db.default.svc", "third.db", "db", dashed)
    assert found["first.db"] == found[dashed] == [first]
    assert found["second.db.default.svc"] == [second]
    assert found["third.db"] == []
    assert found["db"] == sorted([first, second])
    whole = f"first.db.default.{ZONE}"
    program = "import json, socket; print(json.dumps([socket.gethostname(), socket.getfqdn()]))"
    assert cluster.python("db-0", program) == ["first", whole]


def test_an_answer_that_is_too_long_comes_whole_by_tcp(cluster: Cluster) -> None:
    name = f"many.default.{ZONE}"
    cut, whole = asked(cluster, ("udp", name, "A"), ("tcp", name, "A"))
    assert cut["cut"]
    assert 10 < len(cut["told"]) < len(MANY)
    assert not whole["cut"]
    assert sorted(address for _, address in whole["told"]) == sorted(MANY)
    assert resolved(cluster, "many")["many"] == sorted(MANY)


def test_an_external_name_is_an_alias(cluster: Cluster) -> None:
    inside, outside = asked(
        cluster,
        ("udp", f"alias.default.{ZONE}", "A"),
        ("tcp", f"away.default.{ZONE}", "A"),
    )
    web = address(cluster, "web")
    assert inside["told"] == [["CNAME", f"web.default.{ZONE}"], ["A", web]]
    assert outside["told"] == [["CNAME", "away.example.localhost"], ["A", "127.0.0.1"]]
    found = resolved(cluster, "alias")
    assert found["alias"] == [web]


def test_a_pod_may_choose_how_names_are_looked_up(cluster: Cluster) -> None:
    file = cluster.runs("odd", "cat", "/etc/resolv.conf").splitlines()
    assert file == [
        f"search example.invalid other.{ZONE}",
        "nameserver 169.254.1.1",
        "options ndots:2",
    ]
    theirs = address(cluster, "theirs", "other")
    assert resolved(cluster, "theirs", "web", pod="odd") == {"theirs": [theirs], "web": []}
    assert not cluster.runs("plain", "cat", "/etc/resolv.conf").startswith("search")


def test_another_resolver_finds_the_same(cluster: Cluster) -> None:
    image = cluster.import_busybox()
    cluster.apply(pod("busy", container("/bin/sleep", "100000", image=image)))
    cluster.until_ready("busy")
    web = address(cluster, "web")
    assert web in cluster.runs("busy", "nslookup", f"web.default.{ZONE}")
    # It goes on with the other suffixes and complains of those.
    assert web in cluster.tries("exec", "busy", "--", "nslookup", "web").out
    printed = cluster.tries("exec", "busy", "--", "nslookup", f"nothing.default.{ZONE}")
    assert printed.code != 0
    assert "NXDOMAIN" in printed.out + printed.err
