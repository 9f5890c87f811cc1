"""HTTP to registries, with the rules that protect the user: the one importer of httpx in this room.

Own timeouts, no proxy or netrc surprises from the environment, no cookies, no content encodings. A host is resolved,
its address judged (:mod:`addresses`), and exactly that address is connected to. Redirects are followed here: few,
never from https to http, never further inside than where the chain began, and ``Authorization`` stays with its origin.
Foreign exceptions become the protocol's errors with fixed texts; nothing a remote said is repeated.
"""

import contextlib
import functools
import socket
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import certifi
import httpx

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.addresses import Rank, is_loopback_host, literal, rank_of, refusal_of_host
from dmr_desktop.store.retry import Patience, Temporary

USER_AGENT = "dmr-desktop"
MAX_REDIRECTS = 5
_REDIRECTS = {301, 302, 303, 307, 308}
_MAX_ADDRESSES = 4
_MAX_LOCATION = 16384


@dataclass(frozen=True, slots=True)
class Origin:
    """Where credentials and trust belong: scheme, host and port together."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"


def origin_of(url: str) -> Origin:
    """The origin of an absolute http(s) URL without user info. Raises :class:`RegistryError`."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise _bad_address() from None
    if scheme not in ("http", "https") or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise _bad_address()
    if "@" in parts.netloc or "\\" in url or refusal_of_host(host) or host.endswith("."):
        raise _bad_address()
    return Origin(scheme, host, port or {"http": 80, "https": 443}[scheme])


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
                raise RegistryError("the registry's answer is too long", hint=_WRONG_HINT)
        return bytes(body)


class Transport:
    """The connections of one pull; safe with several threads.

    ``insecure`` lists ``host[:port]`` that may be spoken to in plain HTTP and live on loopback under any name.
    """

    def __init__(self, *, insecure: Collection[str] = (), patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._insecure = frozenset(insecure)
        self._lock = threading.Lock()
        self._clients: dict[Origin, httpx.Client] = {}
        self._live: set[httpx.Response] = set()
        self._aborted = False

    def scheme_for(self, registry: str, host: str) -> str:
        """``http`` for loopback and listed registries, else ``https``."""
        return "http" if is_loopback_host(host) or self._is_listed(registry, host) else "https"

    @contextlib.contextmanager
    def open(
        self, url: str, *, headers: Mapping[str, str], body: bytes | None = None, inside: Rank | None = None
    ) -> Iterator[Answer]:
        """GET (or POST ``body``) and follow redirects; the connection is free again afterwards.

        ``inside``: the furthest inside that the first address may be; None lets the first host be anywhere a
        registry may be, as when the user named it. Raises :class:`Temporary` and :class:`RegistryError`.
        """
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **headers}
        for _ in range(MAX_REDIRECTS + 1):
            origin = origin_of(url)
            self._check_scheme(origin)
            with self._send(origin, url, headers, body, inside) as (response, rank):
                if response.status_code not in _REDIRECTS or body is not None:
                    if response.headers.get("Content-Encoding", "identity") != "identity":
                        raise RegistryError("the registry sent an encoding nobody asked for", hint=_WRONG_HINT)
                    yield Answer(response, url)
                    return
                location = response.headers.get("Location", "")
            if not 0 < len(location) <= _MAX_LOCATION:
                raise _bad_address()
            url = urljoin(url, location)
            following = origin_of(url)
            if origin.scheme == "https" and following.scheme != "https":
                raise RegistryError("the registry redirects from https to http", hint=_WRONG_HINT)
            if following != origin:
                headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
            inside = rank
        raise RegistryError("the registry redirects in circles", hint=_WRONG_HINT)

    def rank_at(self, url: str) -> Rank:
        """How far inside the host of ``url`` is."""
        return self._resolve(origin_of(url), None)[0][1]

    def abort(self) -> None:
        """Make every transfer under way fail at once; called by another thread."""
        with self._lock:
            self._aborted = True
            live = list(self._live)
        for response in live:
            stream = response.extensions.get("network_stream")
            connection = stream.get_extra_info("socket") if stream is not None else None
            if isinstance(connection, socket.socket):
                with contextlib.suppress(OSError):
                    # Not SSLSocket's own shutdown: that would make later reads return ciphertext.
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    # ---- one hop -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _send(
        self, origin: Origin, url: str, headers: Mapping[str, str], body: bytes | None, inside: Rank | None
    ) -> Iterator[tuple[httpx.Response, Rank]]:
        response, rank = self._connect(origin, url, headers, body, inside)
        with self._lock:
            self._live.add(response)
            aborted = self._aborted
        try:
            if aborted:
                raise Temporary("the transfer was stopped")
            yield response, rank
        finally:
            with self._lock:
                self._live.discard(response)
            response.close()

    def _connect(
        self, origin: Origin, url: str, headers: Mapping[str, str], body: bytes | None, inside: Rank | None
    ) -> tuple[httpx.Response, Rank]:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        unreachable: Temporary | None = None
        for address, rank in self._resolve(origin, inside):
            try:
                with _foreign_errors():
                    request = httpx.Request(
                        "GET" if body is None else "POST",
                        httpx.URL(scheme=origin.scheme, host=address, port=origin.port, raw_path=path.encode()),
                        headers={"Host": origin.netloc, **headers},
                        content=body,
                        extensions={"sni_hostname": origin.host, "timeout": self._timeout().as_dict()},
                    )
                    return self._client(origin).send(request, stream=True), rank
            except Unreachable as error:
                unreachable = error
        raise unreachable or _unreachable()

    def _client(self, origin: Origin) -> httpx.Client:
        """One client an origin: hosts that share an address must not share connections, as TLS names one host."""
        with self._lock:
            client = self._clients.get(origin)
            if client is None:
                verify = _trusted() if origin.scheme == "https" else False
                client = httpx.Client(verify=verify, trust_env=False, timeout=self._timeout())
                self._clients[origin] = client
            return client

    def _timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.patience.stall_seconds, connect=self.patience.connect_seconds)

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

    def _resolve(self, origin: Origin, inside: Rank | None) -> list[tuple[str, Rank]]:
        """The addresses of ``origin`` that may be connected to, each with how far inside it is; at least one."""
        try:
            found = socket.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise _unreachable() from None
        if inside is None:
            is_known = is_loopback_host(origin.host) or self._is_listed(origin.netloc, origin.host)
            inside = Rank.LOOPBACK if is_known else Rank.PRIVATE
        addresses = [literal(str(info[4][0])) for info in found[:_MAX_ADDRESSES]]
        allowed = [(str(a), rank_of(a)) for a in addresses if a is not None and rank_of(a) <= inside]
        if not allowed:
            raise RegistryError("the registry's name leads to an address where no registry can be", hint=_WRONG_HINT)
        return allowed


class Unreachable(Temporary):
    """No connection could be made."""


_NETWORK_HINT = "check the name of the registry and your network connection"
_WRONG_HINT = "the registry, or something between you and it, is broken or hostile"


def _unreachable() -> Unreachable:
    return Unreachable("the registry cannot be reached", hint=_NETWORK_HINT)


def _bad_address() -> RegistryError:
    return RegistryError("the registry sends us to an address that cannot be used", hint=_WRONG_HINT)


@functools.cache
def _trusted() -> ssl.SSLContext:
    context = ssl.create_default_context()
    # Python on macOS comes without the system's authorities.
    context.load_verify_locations(certifi.where())
    return context


@contextlib.contextmanager
def _foreign_errors() -> Iterator[None]:
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        if _is_about_certificates(error):
            raise RegistryError(
                "the registry's certificate is not trusted",
                hint="add its authority to the system's, or list the registry in insecure_registries for plain HTTP",
            ) from error
        raise _unreachable() from error
    except httpx.TimeoutException as error:
        raise Temporary("the registry stopped answering", hint=_NETWORK_HINT) from error
    except httpx.TransportError as error:
        raise Temporary("the connection to the registry broke", hint=_NETWORK_HINT) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _bad_address() from error


def _is_about_certificates(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
