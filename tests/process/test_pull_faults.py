"""Pulling from a registry that misbehaves: never a wrong file, never a wedge, never a secret gone astray."""

import base64
import gzip
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from dmr_desktop.protocol.errors import (
    DMRError,
    DoesNotFit,
    ModelNotFound,
    RegistryError,
    StoreError,
    Unauthorized,
    UnsupportedModel,
)
from dmr_desktop.protocol.models import Progress
from dmr_desktop.store.blobs import Cancelled
from dmr_desktop.store.retry import Patience
from dmr_desktop.store.store import ModelStore
from tests.fakes import faulty_registry as faulty
from tests.fakes.faulty_registry import Exchange, Fault, FaultyRegistry, on_blobs, on_manifests

MIB = 1 << 20
BIG = hashlib.shake_128(b"big").digest(6 * MIB)
SMALL = b"a licence"
QUICK = Patience(
    connect_seconds=2,
    stall_seconds=0.4,
    give_up_seconds=4,
    first_delay_seconds=0.01,
    longest_delay_seconds=0.05,
    longest_rate_limit_seconds=2,
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the developer's own credentials."""
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("DOCKER_USERNAME", "DOCKER_PASSWORD", "DOCKER_HUB_USER", "DOCKER_HUB_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as found:
        yield found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ModelStore]:
    yield ModelStore(tmp_path / "models", patience=QUICK)
    check_clean(tmp_path / "models")


def check_clean(root: Path) -> None:
    """Every file under a final name is what its name says."""
    for kind in ("blobs", "manifests"):
        for path in (root / kind / "sha256").iterdir():
            if "." not in path.name:
                assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name


class Client:
    """One user who pulls."""

    def __init__(self, store: ModelStore, registry: FaultyRegistry) -> None:
        self.store = store
        self.registry = registry
        self.lines: list[Progress] = []
        self.cancelled = threading.Event()

    def pull(self, name: str = "ai/x", **more: str) -> str:
        return self.store.pull(
            f"{self.registry.host}/{name}", progress=self.lines.append, cancelled=self.cancelled, **more
        )


@pytest.fixture
def client(store: ModelStore, registry: FaultyRegistry) -> Client:
    registry.add_model("latest", BIG, SMALL)
    return Client(store, registry)


# ---- what goes right ---------------------------------------------------------------------------


def test_a_pull(client: Client) -> None:
    assert client.pull() == "Model pulled successfully"
    (model,) = client.store.list()
    assert model.tags == (f"{client.registry.host}/ai/x:latest",)
    big = "sha256:" + hashlib.sha256(BIG).hexdigest()
    shown = [line.layer_current for line in client.lines if line.layer_id == big]
    assert shown[0] == 0
    assert shown[-1] == len(BIG)
    assert shown == sorted(shown)
    assert {line.total for line in client.lines} == {len(BIG) + len(SMALL)}
    assert all(exchange.headers["accept-encoding"] == "identity" for exchange in client.registry.exchanges)


def test_a_second_pull_fetches_nothing_and_adds_its_tag(client: Client) -> None:
    client.pull()
    client.registry.add_model("other", BIG, SMALL)
    client.lines.clear()
    assert client.pull("ai/x:other") == "Using cached model: 1MiB"
    assert client.lines == []
    assert client.registry.blob_bytes_sent(BIG) == len(BIG)
    assert len(client.store.list()[0].tags) == 2


def test_a_stored_model_that_lost_a_layer_is_made_whole(client: Client, tmp_path: Path) -> None:
    client.pull()
    (tmp_path / "models" / "blobs" / "sha256" / hashlib.sha256(SMALL).hexdigest()).unlink()
    assert client.pull() == "Model pulled successfully"
    assert client.registry.blob_bytes_sent(BIG) == len(BIG)


def test_by_digest(client: Client) -> None:
    manifest = client.registry.manifests["latest"]
    client.pull(f"ai/x@{faulty.digest(manifest)}")
    assert client.store.list()[0].id == faulty.digest(manifest)
    assert client.store.list()[0].tags == (f"{client.registry.host}/ai/x:latest",)


def test_an_index_of_one(client: Client) -> None:
    manifest = client.registry.manifests["latest"]
    entry = {"mediaType": faulty.OCI_MANIFEST, "digest": faulty.digest(manifest), "size": len(manifest)}
    client.registry.add("indexed", json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode())
    client.pull("ai/x:indexed")
    assert client.store.list()[0].id == faulty.digest(manifest)


def test_the_same_layer_twice_is_fetched_once(client: Client) -> None:
    client.registry.add_model("twice", BIG, BIG)
    client.pull("ai/x:twice")
    assert client.registry.blob_bytes_sent(BIG) == len(BIG)


def test_redirected_blobs(client: Client) -> None:
    """A hop on the same machine, as registries send us to their storage; the Range goes along."""
    with FaultyRegistry() as storage:
        storage.blobs |= client.registry.blobs
        fault: Fault = on_blobs(lambda e: faulty.redirect_to(f"http://{storage.host}{e.path}")(e))
        client.registry.faults.append(fault)
        storage.faults.append(on_blobs(faulty.cut_after(2 * MIB), 1, only=BIG))
        client.pull()
        assert storage.blob_bytes_sent(BIG) == len(BIG)
        assert [e.range_start for e in storage.requests_for(faulty.digest(BIG))] == [0, 2 * MIB]


# ---- lines that break --------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [faulty.cut_after(MIB), faulty.reset_after(MIB), faulty.stall_after(MIB)])
def test_an_interrupted_layer_goes_on_where_it_stopped(client: Client, fault: Fault) -> None:
    client.registry.faults.append(on_blobs(fault, 3, only=BIG))  # type: ignore[arg-type]
    client.pull()
    starts = [exchange.range_start for exchange in client.registry.requests_for(faulty.digest(BIG))]
    assert len(starts) == 4
    assert starts == sorted(set(starts))
    # What was on its way when a connection is reset is lost with it.
    assert client.registry.blob_bytes_sent(BIG) <= len(BIG) + 3 * MIB


def test_many_drops_are_borne_as_long_as_it_gets_on(client: Client) -> None:
    client.registry.faults.append(on_blobs(faulty.cut_after(MIB // 2), 11, only=BIG))
    client.pull()
    assert client.registry.blob_bytes_sent(BIG) == len(BIG)


@pytest.mark.parametrize("fault", [faulty.cut_after(0), faulty.cut_after(100), faulty.status(503), faulty.status(500)])
def test_a_layer_that_does_not_get_on_is_given_up(client: Client, fault: Fault) -> None:
    client.registry.faults.append(on_blobs(fault, only=BIG))  # type: ignore[arg-type]
    with pytest.raises(RegistryError):
        client.pull()
    assert len(client.registry.requests_for(faulty.digest(BIG))) == QUICK.attempts
    assert client.store.list() == []


def test_silence_is_noticed(client: Client) -> None:
    client.registry.faults.append(on_manifests(faulty.stall_after(0)))
    started = time.monotonic()
    with pytest.raises(RegistryError, match="stopped answering"):
        client.pull()
    assert time.monotonic() - started < QUICK.request_attempts * QUICK.stall_seconds + 2


def test_one_layer_fails_and_the_other_is_kept(client: Client) -> None:
    big_is_here = threading.Event()

    def fail_late(exchange: Exchange) -> None:
        big_is_here.wait(10)
        exchange.answer(404)

    def watch(line: Progress) -> None:
        if line.layer_current == len(BIG):
            big_is_here.set()

    client.registry.faults.append(on_blobs(fail_late, 1, only=SMALL))
    with pytest.raises(ModelNotFound):
        client.store.pull(f"{client.registry.host}/ai/x", progress=watch, cancelled=client.cancelled)
    client.pull()
    assert client.registry.blob_bytes_sent(BIG) == len(BIG)


def test_an_unreachable_registry(store: ModelStore) -> None:
    with FaultyRegistry() as gone:
        host = gone.host
    with pytest.raises(RegistryError) as caught:
        store.pull(f"{host}/ai/x", progress=print, cancelled=threading.Event())
    assert caught.value.message == f"{host} cannot be reached"


# ---- wrong bytes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [faulty.flip_byte(0), faulty.flip_byte(-1), faulty.lie_about_length(7), faulty.lie_about_length(-7)],
    ids=["first byte", "last byte", "too long", "too short"],
)
def test_wrong_bytes_are_fetched_again_once_and_never_stored(client: Client, fault: Fault) -> None:
    client.registry.faults.append(on_blobs(fault, 1, only=BIG))  # type: ignore[arg-type]
    client.pull()
    assert client.store.list()


def test_a_registry_that_keeps_sending_wrong_bytes(client: Client, tmp_path: Path) -> None:
    client.registry.faults.append(on_blobs(faulty.flip_byte(1000), only=BIG))
    with pytest.raises(RegistryError, match=r"digest mismatch \(registry or proxy sends wrong data\)"):
        client.pull()
    assert len(client.registry.requests_for(faulty.digest(BIG))) == 2
    client.registry.faults.clear()
    client.pull()


def test_an_encoding_nobody_asked_for(client: Client) -> None:
    def zipped(exchange: Exchange) -> None:
        exchange.answer(200, gzip.compress(exchange.blob), {"Content-Encoding": "gzip"})

    client.registry.faults.append(on_blobs(zipped))
    with pytest.raises(RegistryError, match="encoding"):
        client.pull()


def partial(tmp_path: Path, data: bytes) -> None:
    name = hashlib.sha256(BIG).hexdigest() + ".incomplete"
    (tmp_path / "models" / "blobs" / "sha256" / name).write_bytes(data)


@pytest.mark.parametrize(
    "held",
    [b"", BIG[:MIB], BIG, BIG + b"x", bytes(MIB), bytes(len(BIG))],
    ids=["0", "part", "all", "more", "bad", "all bad"],
)
@pytest.mark.parametrize("fault", [None, faulty.ignore_range, faulty.wrong_offset, faulty.status(416)])
def test_whatever_was_left_behind_heals(client: Client, tmp_path: Path, held: bytes, fault: Fault | None) -> None:
    """A full-length partial file must not mean 416 for ever, nor a bad one a mismatch for ever."""
    partial(tmp_path, held)
    if fault is not None:
        client.registry.faults.append(on_blobs(fault, 1, only=BIG))  # type: ignore[arg-type]
    try:
        client.pull()
    except DMRError:
        client.pull()
    assert client.store.list()


def test_a_whole_partial_needs_no_byte(client: Client, tmp_path: Path) -> None:
    partial(tmp_path, BIG)
    client.pull()
    assert client.registry.requests_for(faulty.digest(BIG)) == []


def test_a_manifest_other_than_asked_for(client: Client) -> None:
    asked = faulty.digest(client.registry.manifests["latest"])
    client.registry.manifests[asked] = client.registry.add_model("other", SMALL)
    with pytest.raises(RegistryError, match="wrong content"):
        client.pull(f"ai/x@{asked}")
    assert client.store.list() == []


# ---- answers that are no model -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (faulty.status(404), ModelNotFound, "Model not found"),
        (faulty.status(403), Unauthorized, "Unauthorized"),
        (faulty.status(401), RegistryError, "kind of login"),
        (faulty.status(200, {}, b"<html>Welcome to our hotel</html>"), RegistryError, "web page"),
        (faulty.status(200, {}, b"[" * 100_000), UnsupportedModel, "not"),
        (faulty.status(200, {}, b" " * (5 << 20)), RegistryError, "too long"),
        (faulty.status(418), RegistryError, "no sense"),
        (faulty.status(429), RegistryError, "rate limit"),
        (faulty.status(429, {"Retry-After": "3600"}), RegistryError, "rate limit"),
        (faulty.status(307, {"Location": ""}), RegistryError, "cannot be used"),
        (faulty.redirect_to("file:///etc/passwd"), RegistryError, "cannot be used"),
        (faulty.redirect_to("/v2/ai/x/manifests/latest"), RegistryError, "circles"),
        (faulty.redirect_to("http://169.254.169.254/latest"), RegistryError, "cannot be used"),
        (faulty.redirect_to("http://10.0.0.1/"), RegistryError, "plain HTTP"),
    ],
)  # fmt: skip
def test_refusals(client: Client, fault: Fault, error: type[DMRError], text: str) -> None:
    client.registry.faults.append(on_manifests(fault))  # type: ignore[arg-type]
    with pytest.raises(error, match=text) as caught:
        client.pull()
    assert "hotel" not in caught.value.message
    assert len(client.registry.exchanges) <= 12
    assert client.store.list() == []


def test_a_container_image(client: Client, tmp_path: Path) -> None:
    config = faulty.descriptor("application/vnd.oci.image.config.v1+json", b"{}")
    layers = [faulty.descriptor("application/vnd.oci.image.layer.v1.tar", SMALL)]
    image = json.dumps({"schemaVersion": 2, "config": config, "layers": layers}).encode()
    client.registry.add("image", image, b"{}")
    with pytest.raises(UnsupportedModel, match=r'config type "application/vnd\.oci\.image\.config\.v1\+json"'):
        client.pull("ai/x:image")
    assert list((tmp_path / "models" / "blobs" / "sha256").iterdir()) == []


def test_compressed_layers(client: Client) -> None:
    config = json.dumps({"rootfs": {"diff_ids": [faulty.digest(BIG)]}}).encode()
    packed = gzip.compress(SMALL)
    manifest = {
        "schemaVersion": 2,
        "config": faulty.descriptor("application/vnd.docker.ai.model.config.v0.1+json", config),
        "layers": [faulty.descriptor("application/vnd.docker.ai.gguf.v3", packed)],
    }
    client.registry.add("packed", json.dumps(manifest).encode(), config, packed)
    with pytest.raises(UnsupportedModel, match="compressed"):
        client.pull("ai/x:packed")


def test_a_model_larger_than_the_disk_is_refused_before_it_is_fetched(client: Client) -> None:
    manifest = json.loads(client.registry.manifests["latest"])
    manifest["layers"][0]["size"] = 10 << 50
    client.registry.add("huge", json.dumps(manifest).encode())
    with pytest.raises(DoesNotFit, match="MiB"):
        client.pull("ai/x:huge")
    assert client.registry.requests_for(faulty.digest(BIG)) == []


def test_a_size_that_is_off_by_one(client: Client) -> None:
    for change in (1, -1):
        manifest = json.loads(client.registry.manifests["latest"])
        manifest["layers"][0]["size"] += change
        client.registry.add("off", json.dumps(manifest).encode())
        with pytest.raises(RegistryError):
            client.pull("ai/x:off")
    assert client.store.list() == []


def test_a_rate_limit_is_waited_for(client: Client) -> None:
    client.registry.faults.append(on_manifests(faulty.status(429, {"Retry-After": "1"}), 1))
    started = time.monotonic()
    client.pull()
    assert time.monotonic() - started >= 1


def test_a_hiccup_at_the_start_is_survived(client: Client) -> None:
    client.registry.faults.append(on_manifests(faulty.status(502), 2))
    client.pull()


# ---- who we are --------------------------------------------------------------------------------


def log_in(tmp_path: Path, host: str) -> None:
    folder = tmp_path / "home" / ".docker"
    folder.mkdir()
    auth = base64.b64encode(b"me:secret").decode()
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))


def test_an_anonymous_token(client: Client) -> None:
    realm = f"http://{client.registry.host}/token?x=1"
    client.registry.faults.append(faulty.demand_token(realm, "t0ken"))
    client.pull()
    (asked,) = client.registry.requests_for("/token")
    assert "authorization" not in asked.headers
    assert "x=1&scope=repository%3Aai%2Fx%3Apull&service=test" in asked.path


def test_a_token_for_somebody(client: Client, tmp_path: Path) -> None:
    log_in(tmp_path, client.registry.host)
    realm = f"http://{client.registry.host}/token"
    client.registry.faults.append(faulty.demand_token(realm, "t0ken", user="me", password="secret"))
    client.pull()
    assert len(client.registry.requests_for("/token")) == 1


def test_wrong_credentials(client: Client) -> None:
    realm = f"http://{client.registry.host}/token"
    client.registry.faults.append(faulty.demand_token(realm, "t0ken", user="me", password="secret"))
    with pytest.raises(Unauthorized):
        client.pull()


def test_a_token_that_is_not_accepted_is_not_asked_for_for_ever(client: Client) -> None:
    challenge = {"WWW-Authenticate": f'Bearer realm="http://{client.registry.host}/token"'}
    client.registry.faults.append(on_manifests(faulty.status(401, challenge)))
    client.registry.faults.append(faulty.demand_token("", "t"))
    with pytest.raises(Unauthorized):
        client.pull()
    assert len(client.registry.exchanges) == 3


def test_the_callers_token_is_exchanged(client: Client) -> None:
    realm = f"http://{client.registry.host}/token"
    client.registry.faults.append(faulty.demand_token(realm, "t0ken"))
    client.pull(bearer_token="refresh")
    (asked,) = client.registry.requests_for("/token")
    assert parse_qs(asked.asked.decode()) == {
        "scope": ["repository:ai/x:pull"],
        "service": ["test"],
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh"],
        "client_id": ["dmr-desktop"],
    }


def test_basic_authentication(client: Client, tmp_path: Path) -> None:
    basic = "Basic " + base64.b64encode(b"me:secret").decode()

    def demand(exchange: Exchange) -> bool:
        if exchange.headers.get("authorization") == basic:
            return False
        exchange.answer(401, b"", {"WWW-Authenticate": 'Basic realm="Registry Realm"'})
        return True

    client.registry.faults.append(demand)
    with pytest.raises(Unauthorized):
        client.pull()
    log_in(tmp_path, client.registry.host)
    client.pull()


@pytest.mark.parametrize(
    "realm", ["http://{other}/token", "https://auth.evil.example/token", "ftp://x/", "http://169.254.169.254/token", ""]
)
def test_credentials_stay_at_home(client: Client, tmp_path: Path, realm: str) -> None:
    """A realm on another host or port gets no request at all."""
    log_in(tmp_path, client.registry.host)
    with FaultyRegistry() as other:
        challenge = {"WWW-Authenticate": f'Bearer realm="{realm.format(other=other.host)}",service="s"'}
        client.registry.faults.append(on_manifests(faulty.status(401, challenge)))
        with pytest.raises(RegistryError):
            client.pull()
        assert other.exchanges == []
    assert all("authorization" not in exchange.headers for exchange in client.registry.exchanges)


def test_authorization_does_not_follow_a_redirect(client: Client) -> None:
    realm = f"http://{client.registry.host}/token"
    client.registry.faults.append(faulty.demand_token(realm, "t0ken"))
    with FaultyRegistry() as storage:
        storage.blobs |= client.registry.blobs
        client.registry.faults.append(on_blobs(lambda e: faulty.redirect_to(f"http://{storage.host}{e.path}")(e)))
        client.pull()
        assert storage.exchanges
        assert all("authorization" not in exchange.headers for exchange in storage.exchanges)


def test_a_damaged_docker_config_means_anonymous(client: Client, tmp_path: Path) -> None:
    (tmp_path / "home" / ".docker").mkdir()
    for text in ("{", "[]", '{"auths": 5}', "\xff"):
        (tmp_path / "home" / ".docker" / "config.json").write_text(text, encoding="latin-1")
        realm = f"http://{client.registry.host}/token"
        client.registry.faults[:] = [faulty.demand_token(realm, "t0ken")]
        client.pull()


# ---- stopping, sharing, disks ------------------------------------------------------------------


def test_cancelling_is_quick_and_what_arrived_stays(client: Client, tmp_path: Path) -> None:
    """The reader sits in a read that nothing would end for 30 s."""
    client.registry.faults.append(on_blobs(faulty.stall_after(2 * MIB), 1, only=BIG))
    client.store = ModelStore(tmp_path / "models", patience=Patience())
    has_some = threading.Event()

    def watch(line: Progress) -> None:
        if line.layer_size == len(BIG) and line.layer_current >= MIB:
            has_some.set()

    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(
            client.store.pull, f"{client.registry.host}/ai/x", progress=watch, cancelled=client.cancelled
        )
        assert has_some.wait(20)
        client.cancelled.set()
        with pytest.raises(Cancelled):
            pulling.result(5)
    client.cancelled.clear()
    client.pull()
    assert client.registry.blob_bytes_sent(BIG) <= len(BIG) + MIB


def test_cancelling_ends_the_wait_for_an_answer(client: Client, tmp_path: Path) -> None:
    """Not a byte has come yet, and nothing would end that for 30 s."""
    asked = threading.Event()

    def never(exchange: Exchange) -> None:
        asked.set()
        exchange.registry.stopping.wait(30)

    client.registry.faults.append(on_manifests(never))
    client.store = ModelStore(tmp_path / "models", patience=Patience())
    with ThreadPoolExecutor(1) as pool:
        pulling = pool.submit(client.pull)
        assert asked.wait(10)
        client.cancelled.set()
        with pytest.raises(Cancelled):
            pulling.result(5)


def test_four_pulls_of_one_model_are_one_download(client: Client) -> None:
    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(client.pull())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(answers) == 4
    assert client.registry.blob_bytes_sent(BIG) == len(BIG)
    assert len(client.store.list()) == 1


def test_models_pulled_at_once_are_all_listed(client: Client) -> None:
    for number in range(6):
        client.registry.add_model(f"m{number}", BIG, f"licence {number}".encode())
    threads = [threading.Thread(target=client.pull, args=(f"ai/x:m{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {tag for model in client.store.list() for tag in model.tags} == {
        f"{client.registry.host}/ai/x:m{number}" for number in range(6)
    }
    assert client.registry.blob_bytes_sent(BIG) == len(BIG)


def test_deleting_a_model_while_another_with_the_same_layer_is_pulled(client: Client) -> None:
    """The layer that was there when the pull began is gone when it ends: it is fetched again."""
    client.pull()
    client.registry.add_model("second", BIG, b"another licence")
    removed: list[object] = []

    def remove_meanwhile(exchange: Exchange) -> None:
        removed.append(client.store.remove(f"{client.registry.host}/ai/x"))
        exchange.registry.serve(exchange)

    client.registry.faults.append(on_blobs(remove_meanwhile, 1, only=b"another licence"))
    client.pull("ai/x:second")
    assert len(removed) == 1
    assert [model.tags for model in client.store.list()] == [(f"{client.registry.host}/ai/x:second",)]
    assert client.registry.blob_bytes_sent(BIG) == 2 * len(BIG)


def test_a_disk_that_fills_up_on_the_way(client: Client, tmp_path: Path) -> None:
    """A file size limit stands in for the disk: the write fails, the space comes back, small pulls still work."""
    import resource

    client.registry.add_model("small", SMALL)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, hard))
    try:
        with pytest.raises(DoesNotFit, match="space"):
            client.pull()
        assert sum(path.stat().st_size for path in (tmp_path / "models" / "blobs" / "sha256").iterdir()) < MIB
        client.pull("ai/x:small")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_store_that_cannot_be_written(client: Client, tmp_path: Path) -> None:
    blobs = tmp_path / "models" / "blobs" / "sha256"
    blobs.rename(blobs.with_name("gone"))
    with pytest.raises(StoreError):
        client.pull()
    blobs.with_name("gone").rename(blobs)
