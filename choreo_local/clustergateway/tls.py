"""TLS of the agents' endpoint: asks for a client certificate and leaves its judgement to `trust`.

The standard library can only accept certificates whose authority it knows before the handshake, and
then nobody learns who was refused, and why. Hence pyOpenSSL, over memory, without a socket.
"""

from __future__ import annotations

from pathlib import Path

from OpenSSL import SSL

from choreo_local.clustergateway.trust import Presented

_READ = 1 << 18


class TlsError(ConnectionError):
    """The other end speaks no TLS that we understand, or broke it off."""


def server_context(certificate: Path, key: Path) -> SSL.Context:
    """A context for the endpoint; TLS 1.2 or newer."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.use_certificate_chain_file(str(certificate))
    context.use_privatekey_file(str(key))
    # A resumed session would carry a certificate that may have been revoked meanwhile.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_verify(SSL.VERIFY_PEER, _accept)
    return context


def _accept(*_: object) -> bool:
    return True


class ServerTls:
    """One connection: encrypted bytes in, plain bytes out, and back."""

    def __init__(self, context: SSL.Context) -> None:
        self._tls = SSL.Connection(context, None)
        self._tls.set_accept_state()
        self._established = False

    def receive(self, data: bytes) -> bytes:
        """Take what the network brought; what it says in the clear. TlsError ends it."""
        self._tls.bio_write(data)
        try:
            if not self._established:
                self._tls.do_handshake()
                self._established = True
            return self._plain()
        except SSL.WantReadError:
            return b""
        except SSL.Error as error:
            raise TlsError(f"TLS failed: {_words(error)}") from error

    def send(self, data: bytes) -> None:
        """Encrypt; `outgoing` has it then."""
        try:
            self._tls.sendall(data)
        except SSL.Error as error:
            raise TlsError(f"TLS failed: {_words(error)}") from error

    def outgoing(self) -> bytes:
        """What is to be written to the network."""
        pieces = []
        while True:
            try:
                pieces.append(self._tls.bio_read(_READ))
            except SSL.WantReadError:
                return b"".join(pieces)

    def presented(self) -> Presented | None:
        """The certificates that the other end showed; None when it showed none."""
        leaf = self._tls.get_peer_certificate(as_cryptography=True)
        if leaf is None:
            return None
        chain = self._tls.get_peer_cert_chain(as_cryptography=True) or []
        return Presented(leaf, tuple(found for found in chain if found != leaf))

    def _plain(self) -> bytes:
        pieces = []
        while True:
            try:
                pieces.append(self._tls.recv(_READ))
            except SSL.WantReadError:
                return b"".join(pieces)
            except SSL.ZeroReturnError:
                # The end of the stream follows on the socket.
                return b"".join(pieces)


def _words(error: SSL.Error) -> str:
    found = error.args[0] if error.args else ()
    if isinstance(found, list) and found and isinstance(found[0], tuple):
        return str(found[0][-1])
    return str(error) or type(error).__name__
