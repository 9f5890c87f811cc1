"""HTTP to registries, with the rules that protect the user: the one importer of httpx in this room.

Own timeouts, no netrc, no cookies, no content encodings. A host is resolved, its address judged (:mod:`addresses`),
and exactly that address is connected to, unless a proxy (:mod:`proxies`) does the resolving. Redirects are followed
here: few, never from https to http, never further inside than where the chain began, and ``Authorization`` stays with
its origin. Foreign exceptions become the protocol's errors with fixed texts; nothing a remote said is repeated.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urljoin, urlsplit

import httpx

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.addresses import Rank, is_loopback_host, literal, rank_of
from dmr_desktop.store.origins import WRONG_HINT, Origin, bad_address, origin_of
from dmr_desktop.store.proxies import proxy_for
from dmr_desktop.store.retry import Patience, Temporary
from dmr_desktop.store.trust import trust_of, unverified

Body: TypeAlias = bytes | Iterable[bytes]
"""What is sent along; an iterable needs a ``Content-Length`` among the headers."""

USER_AGENT = "dmr-desktop"
MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_ADDRESSES = 4
_MAX_LOCATION = 16384
_TLS_PROBE_SECONDS = 2.0


class Answer:
    """A response whose body is still on the wire. ``url`` is where the redirects ended."""

    def __init__(self, response: httpx.Response, url: str) -> None:
        self._response = response
        self.url = url
        self.status = response.status_code

    def header(self, name: str) -> str:
        return str(self._response.headers.get(name, ""))

    def chunks(self) -> Iterator[bytes]:
        """The body as it arrives. Raises :class:`Temporary` when it stalls or breaks off."""
        with _foreign_errors():
            yield from self._response.iter_raw()

    def read(self, limit: int) -> bytes:
        """The whole body, at most ``limit`` bytes. Raises :class:`RegistryError` when it is longer."""
        body = bytearray()
        for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                raise RegistryError("the registry's answer is too long", hint=WRONG_HINT)
        return bytes(body)


class Transport:
    """The connections of one pull or push; safe with several threads.

    ``insecure`` lists ``host[:port]`` that may be spoken to in plain HTTP and live on loopback under any name.
    ``ca_file`` holds authorities to be trusted besides the system's.
    """

    def __init__(
        self, *, insecure: Collection[str] = (), ca_file: Path | None = None, patience: Patience | None = None
    ) -> None:
        self.patience = patience or Patience()
        self._insecure = frozenset(insecure)
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._clients: dict[Origin, httpx.Client] = {}
        self._connections: set[socket.socket] = set()
        self._plain: set[Origin] = set()
        """Origins that have answered in plain HTTP."""
        self._aborted = False

    def scheme_for(self, registry: str, host: str) -> str:
        """``http`` for loopback and listed registries, else ``https``."""
        return "http" if is_loopback_host(host) or self._is_listed(registry, host) else "https"

    @contextlib.contextmanager
    def open(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        method: str = "GET",
        body: Body | None = None,
        inside: Rank | None = None,
    ) -> Iterator[Answer]:
        """Send a request and, if it is GET or HEAD, follow redirects; the connection is free again afterwards.

        ``inside``: the furthest inside that the first address may be; None lets the first host be anywhere a
        registry may be, as when the user named it. Raises :class:`Temporary`, :class:`SpeaksTLS` and
        :class:`RegistryError`.
        """
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        for _ in range(MAX_REDIRECTS + 1):
            origin = origin_of(url)
            self._check_scheme(origin)
            response, rank = self._send(origin, url, method, headers, body, inside)
            try:
                if response.status_code not in _REDIRECTS or method not in ("GET", "HEAD"):
                    if response.headers.get("Content-Encoding", "identity") != "identity":
                        raise RegistryError("the registry sent an encoding nobody asked for", hint=WRONG_HINT)
                    yield Answer(response, url)
                    return
                location = response.headers.get("Location", "")
            finally:
                response.close()
            if not 0 < len(location) <= _MAX_LOCATION:
                raise bad_address()
            url = urljoin(url, location)
            following = origin_of(url)
            if origin.scheme == "https" and following.scheme != "https":
                raise RegistryError("the registry redirects from https to http", hint=WRONG_HINT)
            if following != origin:
                headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            inside = rank
        raise RegistryError("the registry redirects in circles", hint=WRONG_HINT)

    def rank_at(self, url: str) -> Rank:
        """How far inside the host of ``url`` is."""
        return self._ways_to(origin_of(url), None)[0][1]

    def abort(self) -> None:
        """Make every transfer under way, and every later one, fail at once; called by another thread."""
        with self._lock:
            self._aborted = True
            connections = list(self._connections)
        for connection in connections:
            _break(connection)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    # ---- one hop -----------------------------------------------------------------------------

    def _send(
        self,
        origin: Origin,
        url: str,
        method: str,
        headers: Mapping[str, str],
        body: Body | None,
        inside: Rank | None,
    ) -> tuple[httpx.Response, Rank]:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        unreachable: Temporary | None = None
        for address, rank in self._ways_to(origin, inside):
            request = httpx.Request(
                method,
                httpx.URL(scheme=origin.scheme, host=address, port=origin.port, raw_path=path.encode()),
                headers={"Host": origin.netloc, **headers},
                content=body,
                extensions={
                    "sni_hostname": origin.host,
                    "timeout": self._timeout().as_dict(),
                    "trace": self._remember_connection,
                },
            )
            try:
                with _foreign_errors():
                    response = self._client(origin).send(request, stream=True)
            except Unreachable as error:
                unreachable = error
                continue
            except BrokenConnection as error:
                if self._is_tls_instead(origin, address):
                    raise SpeaksTLS from error
                raise
            if response.status_code == 400 and self._is_tls_instead(origin, address):
                response.close()
                raise SpeaksTLS
            self._plain.add(origin)
            return response, rank
        raise unreachable or _unreachable()

    def _client(self, origin: Origin) -> httpx.Client:
        """One client an origin: hosts that share an address must not share connections, as TLS names one host."""
        with self._lock:
            client = self._clients.get(origin)
            if client is None:
                verify = trust_of(origin.netloc, self._ca_file) if origin.scheme == "https" else False
                proxy = proxy_for(origin.scheme, origin.host, origin.port)
                client = httpx.Client(verify=verify, proxy=proxy, trust_env=False, timeout=self._timeout())
                self._clients[origin] = client
            return client

    def _timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.patience.stall_seconds, connect=self.patience.connect_seconds)

    def _remember_connection(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpx at each step of a request: keeps the sockets, so that :meth:`abort` can break them."""
        if not event.endswith(("connect_tcp.complete", "start_tls.complete")):
            return
        connection = info["return_value"].get_extra_info("socket")
        with self._lock:
            self._connections = {each for each in self._connections if each.fileno() != -1} | {connection}
            aborted = self._aborted
        if aborted:
            _break(connection)

    # ---- where a host is ---------------------------------------------------------------------

    def _check_scheme(self, origin: Origin) -> None:
        if origin.scheme == "http" and not (
            is_loopback_host(origin.host) or self._is_listed(origin.netloc, origin.host)
        ):
            raise RegistryError(
                "plain HTTP is only spoken to registries that the settings list",
                hint="list the registry in insecure_registries if you trust the network",
            )

    def _is_listed(self, registry: str, host: str) -> bool:
        return registry in self._insecure or host in self._insecure

    def _ways_to(self, origin: Origin, inside: Rank | None) -> list[tuple[str, Rank]]:
        """What may be connected to for ``origin``, each with how far inside it is; at least one.

        Its addresses; or, where a proxy does the resolving, its name, of which only a spelled address can be judged.
        """
        if inside is None:
            is_known = is_loopback_host(origin.host) or self._is_listed(origin.netloc, origin.host)
            inside = Rank.LOOPBACK if is_known else Rank.PRIVATE
        if proxy_for(origin.scheme, origin.host, origin.port) is not None:
            spelled = literal(origin.host)
            ways = [(origin.host, Rank.PUBLIC if spelled is None else rank_of(spelled))]
        else:
            try:
                found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
            except (OSError, UnicodeError):
                raise _unreachable() from None
            addresses = [literal(str(info[4][0])) for info in found[:_MAX_ADDRESSES]]
            ways = [(str(address), rank_of(address)) for address in addresses if address is not None]
        allowed = [(way, rank) for way, rank in ways if rank <= inside]
        if not allowed:
            raise RegistryError("the registry's name leads to an address where no registry can be", hint=WRONG_HINT)
        return allowed

    def _is_tls_instead(self, origin: Origin, address: str) -> bool:
        """Whether ``origin``, which we took for plain HTTP and which never answered so, speaks TLS."""
        if origin.scheme != "http" or origin in self._plain or self._aborted:
            return False
        seconds = min(_TLS_PROBE_SECONDS, self.patience.stall_seconds)
        try:
            with (
                socket.create_connection((address, origin.port), timeout=seconds) as connection,
                unverified().wrap_socket(connection, server_hostname=origin.host),
            ):
                return True
        except (OSError, ValueError):
            return False


def _break(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Not SSLSocket's own shutdown: that would make later reads return ciphertext.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class Unreachable(Temporary):
    """No connection could be made."""


class BrokenConnection(Temporary):
    """The other side hung up."""


class SpeaksTLS(RegistryError):
    """A registry that we spoke to in plain HTTP, because it is on loopback or listed, wants TLS."""

    def __init__(self) -> None:
        super().__init__("the registry speaks https, not http", hint="give its https address")


_NETWORK_HINT = "check the name of the registry and your network connection"


def _unreachable() -> Unreachable:
    return Unreachable("the registry cannot be reached", hint=_NETWORK_HINT)


@contextlib.contextmanager
def _foreign_errors() -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        if _is_about_certificates(error):
            raise RegistryError(
                "the registry's certificate is not trusted",
                hint="name the file with its authority in ca_file (DMR_CA_FILE) or SSL_CERT_FILE",
            ) from error
        raise _unreachable() from error
    except httpx.TimeoutException as error:
        raise Temporary("the registry stopped answering", hint=_NETWORK_HINT) from error
    except httpx.ProxyError as error:
        raise RegistryError(
            "the proxy refuses to connect to the registry", hint="check HTTPS_PROXY and NO_PROXY, and your log-in there"
        ) from error
    except httpx.TransportError as error:
        raise BrokenConnection("the connection to the registry broke", hint=_NETWORK_HINT) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise bad_address() from error


def _is_about_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
