"""Mirrors before the registry: the first that can help is asked, and one that cannot is left out."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from dmr_desktop.protocol.errors import DMRError, ModelNotFound, RegistryError
from dmr_desktop.store.blobs import Cancelled
from dmr_desktop.store.manifest import Descriptor
from dmr_desktop.store.mirrors import Mirrored, mirror_endpoint
from dmr_desktop.store.registry import Endpoint

LAYER = Descriptor("x", "sha256:" + "0" * 64, 5)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("mirror.example", Endpoint("mirror.example", "https://mirror.example")),
        ("https://mirror.example/", Endpoint("mirror.example", "https://mirror.example")),
        ("http://127.0.0.1:5000", Endpoint("127.0.0.1:5000", "http://127.0.0.1:5000")),
        ("mirror.example/docker/hub", Endpoint("mirror.example", "https://mirror.example/docker/hub")),
        ("https://mirror.example/hub/v2/", Endpoint("mirror.example", "https://mirror.example/hub")),
        ("ftp://mirror.example", None),
        ("https://user:pw@mirror.example", None),
        ("https://169.254.169.254", None),
        ("https://mirror.example:x", None),
        ("", None),
    ],
)
def test_how_a_mirror_is_written(text: str, endpoint: Endpoint | None) -> None:
    assert mirror_endpoint(text) == endpoint


@dataclass
class Answers:
    name: bytes
    errors: list[DMRError] = field(default_factory=list)
    num_asked: int = 0

    def _answer(self) -> bytes:
        self.num_asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.name

    def manifest(self) -> bytes:
        return self._answer()

    def config(self, descriptor: Descriptor) -> bytes:
        return self._answer()

    @contextlib.contextmanager
    def blob(self, descriptor: Descriptor, offset: int) -> Iterator[Iterator[bytes]]:
        yield iter([self._answer()])


def test_the_first_that_can_is_asked() -> None:
    mirror, registry = Answers(b"mirror"), Answers(b"registry")
    assert Mirrored([mirror, registry]).manifest() == b"mirror"
    assert registry.num_asked == 0


def test_one_that_cannot_is_left_out_for_the_rest() -> None:
    down, behind, registry = Answers(b"1", [RegistryError("down")]), Answers(b"2", [ModelNotFound("x")]), Answers(b"3")
    source = Mirrored([down, behind, registry])
    assert source.manifest() == b"3"
    with source.blob(LAYER, 0) as chunks:
        assert list(chunks) == [b"3"]
    assert source.config(LAYER) == b"3"
    assert (down.num_asked, behind.num_asked) == (1, 1)


def test_a_blob_that_a_mirror_lacks() -> None:
    mirror, registry = Answers(b"mirror"), Answers(b"registry")
    source = Mirrored([mirror, registry])
    source.manifest()
    mirror.errors = [ModelNotFound("x")]
    with source.blob(LAYER, 3) as chunks:
        assert list(chunks) == [b"registry"]


def test_the_registrys_own_error_is_the_error() -> None:
    source = Mirrored([Answers(b"", [RegistryError("mirror")]), Answers(b"", [ModelNotFound("registry")])])
    with pytest.raises(ModelNotFound, match="registry"):
        source.manifest()


def test_a_cancelled_pull_asks_nobody_else() -> None:
    registry = Answers(b"registry")
    with pytest.raises(Cancelled):
        Mirrored([Answers(b"", [Cancelled()]), registry]).manifest()
    assert registry.num_asked == 0
