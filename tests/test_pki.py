"""The certificates that an instance makes for itself."""

from __future__ import annotations

import ssl
from pathlib import Path

from cryptography import x509

from choreo_local import pki


def test_a_client_certificate_names_its_user_and_groups() -> None:
    authority = pki.create_authority("test")

    identity = pki.issue_client(authority, "alice", ["system:masters", "team"])

    assert pki.subject(identity) == ("alice", ("system:masters", "team"))
    identity.parsed().verify_directly_issued_by(authority.parsed())


def test_a_server_certificate_names_hosts_and_addresses() -> None:
    identity = pki.issue_server(pki.create_authority("test"), "api", ["localhost", "127.0.0.1"])

    names = identity.parsed().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["localhost", "127.0.0.1"]


def test_files_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    pki.ensure_authority(tmp_path, "test")

    assert {path.name for path in tmp_path.iterdir()} == {"ca.crt", "ca.key"}
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_ensuring_twice_changes_nothing(tmp_path: Path) -> None:
    authority = pki.ensure_authority(tmp_path, "test")
    server = pki.ensure_server(tmp_path, "api", authority=authority, hosts=["127.0.0.1"])
    client = pki.ensure_client(tmp_path, "admin", authority=authority, user="admin")

    assert pki.ensure_authority(tmp_path, "test") == authority
    again = pki.ensure_server(tmp_path, "api", authority=authority, hosts=["127.0.0.1"])
    assert again == server
    assert pki.ensure_client(tmp_path, "admin", authority=authority, user="admin") == client


def test_a_new_authority_or_other_hosts_make_a_new_certificate(tmp_path: Path) -> None:
    authority = pki.ensure_authority(tmp_path, "test")
    server = pki.ensure_server(tmp_path, "api", authority=authority, hosts=["127.0.0.1"])
    other = pki.create_authority("other")

    moved = pki.ensure_server(tmp_path, "api", authority=authority, hosts=["127.0.0.2"])
    assert moved != server
    resigned = pki.ensure_server(tmp_path, "api", authority=other, hosts=["127.0.0.2"])
    resigned.parsed().verify_directly_issued_by(other.parsed())


def test_a_broken_file_is_replaced(tmp_path: Path) -> None:
    first = pki.ensure_authority(tmp_path, "test")
    (tmp_path / "ca.key").write_text("nonsense", encoding="utf-8")

    assert pki.ensure_authority(tmp_path, "test") != first


def test_tls_accepts_what_was_issued(tmp_path: Path) -> None:
    authority = pki.ensure_authority(tmp_path, "test")
    pki.ensure_server(tmp_path, "api", authority=authority, hosts=["127.0.0.1"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "api.crt", tmp_path / "api.key")
    client = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="127.0.0.1"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]

    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue

    assert ends[0].version() == "TLSv1.3"
