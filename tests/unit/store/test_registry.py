"""How a repository's addresses and log-ins are made, over a transport that only remembers."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.addresses import Rank
from dmr_desktop.store.manifest import Descriptor, digest_of
from dmr_desktop.store.reference import parse_reference
from dmr_desktop.store.registry import Repository, endpoint_of
from dmr_desktop.store.retry import Patience

MANIFEST = b'{"schemaVersion":2,"layers":[]}'
BLOB = Descriptor("x", digest_of(b"blob"), 4)


@dataclass
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    def chunks(self) -> Iterator[bytes]:
        yield self.body

    def read(self, limit: int) -> bytes:
        return self.body[:limit]


@dataclass
class RememberingTransport:
    """Wants ``token``, which the realm gives; keeps (URL, Authorization, inside) of every request."""

    challenge: str = ""
    token: str = "t0ken"
    patience: Patience = field(default_factory=Patience)
    asked: list[tuple[str, str, Rank | None]] = field(default_factory=list)

    def scheme_for(self, registry: str, host: str) -> str:
        return "https"

    def rank_at(self, url: str) -> Rank:
        return Rank.PUBLIC

    @contextlib.contextmanager
    def open(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        method: str = "GET",
        body: bytes | None = None,
        inside: Rank | None = None,
    ) -> Iterator[Reply]:
        self.asked.append((url, headers.get("Authorization", ""), inside))
        if "/v2/" not in url:
            yield Reply(200, json.dumps({"access_token": self.token}).encode(), url=url)
        elif self.challenge and headers.get("Authorization") != f"Bearer {self.token}":
            yield Reply(401, b"", {"WWW-Authenticate": self.challenge}, url)
        else:
            yield Reply(200, MANIFEST if "/manifests/" in url else b"blob", url=url)


@pytest.fixture(autouse=True)
def _nobody(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    for name in ("DOCKER_USERNAME", "DOCKER_HUB_USER"):
        monkeypatch.delenv(name, raising=False)


def repository(text: str, transport: RememberingTransport) -> Repository:
    reference = parse_reference(text)
    return Repository(reference, endpoint_of(reference, transport), transport)  # type: ignore[arg-type]


def test_docker_hub_with_its_known_realm(monkeypatch: pytest.MonkeyPatch) -> None:
    challenge = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="anything:else"'
    transport = RememberingTransport(challenge)
    hub = repository("smollm2", transport)
    assert hub.manifest() == MANIFEST
    with hub.blob(BLOB, 0) as chunks:
        assert b"".join(chunks) == b"blob"
    api = "https://registry-1.docker.io/v2/ai/smollm2"
    realm = "https://auth.docker.io/token?scope=repository%3Aai%2Fsmollm2%3Apull&service=registry.docker.io"
    assert transport.asked == [
        (f"{api}/manifests/latest", "", None),
        (realm, "", Rank.PUBLIC),
        (f"{api}/manifests/latest", "Bearer t0ken", None),
        (f"{api}/blobs/{BLOB.digest}", "Bearer t0ken", None),
    ]


def test_a_token_that_ran_out_is_renewed_once() -> None:
    transport = RememberingTransport('Bearer realm="https://r.example/token"')
    found = repository("r.example/a/b", transport)
    found.manifest()
    transport.token = "renewed"
    found.manifest()
    assert [authorization for _, authorization, _ in transport.asked] == [
        "", "", "Bearer t0ken", "Bearer t0ken", "", "Bearer renewed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("reference", "realm"),
    [
        ("r.example/a/b", "https://r.example/token"),
        ("r.example/a/b", "https://r.example:5001/token"),
        ("r.example:5000/a/b", "https://r.example:5001/auth?x=y"),
        ("registry.gitlab.com/a/b", "https://gitlab.com/jwt/auth"),
    ],
)
def test_realms_of_the_registrys_own(reference: str, realm: str) -> None:
    repository(reference, RememberingTransport(f'Bearer realm="{realm}"')).manifest()


@pytest.mark.parametrize(
    ("reference", "realm"),
    [
        ("r.example/a/b", "http://r.example/token"),
        ("r.example/a/b", "https://evil.example/token"),
        ("r.example/a/b", "https://r.example.evil.example/token"),
        ("r.example/a/b", "https://evil.example/r.example"),
        ("r.example/a/b", "https://r.example@evil.example/"),
        ("r.example/a/b", "https://auth.docker.io/token"),
        ("smollm2", "https://auth.docker.io:8443/token"),
        ("smollm2", "http://auth.docker.io/token"),
        ("127.0.0.1:5000/a/b", "https://127.0.0.1:5001/token"),
        ("r.example/a/b", "//r.example/token"),
    ],
)
def test_other_realms_get_no_request(reference: str, realm: str) -> None:
    transport = RememberingTransport(f'Bearer realm="{realm}"')
    with pytest.raises(RegistryError):
        repository(reference, transport).manifest()
    assert len(transport.asked) == 1


@pytest.mark.parametrize("challenge", ["Bearer", "Digest realm=x", 'Bearer service="x"', "Bearer realm=", "?"])
def test_challenges_that_make_no_sense(challenge: str) -> None:
    with pytest.raises(RegistryError):
        repository("r.example/a/b", RememberingTransport(challenge)).manifest()


def test_by_digest() -> None:
    transport = RememberingTransport()
    assert repository(f"r.example/a/b:1@{digest_of(MANIFEST)}", transport).manifest() == MANIFEST
    assert transport.asked[0][0] == f"https://r.example/v2/a/b/manifests/{digest_of(MANIFEST)}"
    with pytest.raises(RegistryError, match="wrong content"):
        repository(f"r.example/a/b@{BLOB.digest}", transport).manifest()
