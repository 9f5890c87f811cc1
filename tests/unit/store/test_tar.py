"""Tar as streams: what is written is tar to others, and nothing that a stranger wrote is believed."""

import io
import subprocess
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmr_desktop.store.tar import END, BadArchive, TarReader, header, padding


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def read(data: bytes, size: int = 700) -> dict[str, bytes]:
    archive = TarReader(pieces(data, size))
    return {member.name: archive.read(member, 1 << 20) for member in archive.members()}


def tar_of(files: dict[str, bytes], format: int = tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def member(name: str, data: bytes) -> bytes:
    return header(name, len(data)) + data + padding(len(data))


@pytest.mark.parametrize("size", [1, 511, 512, 513, 10**6])
@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_reads_what_others_write(format: int, size: int) -> None:
    files = {"a": b"", "./folder/b": b"x" * 511, "c": b"y" * 512, "d": b"z" * 1025}
    if format != tarfile.USTAR_FORMAT:
        files["n" * 150 + "/" + "m" * 150] = b"long"
    assert read(tar_of(files, format), size) == {name.removeprefix("./"): data for name, data in files.items()}


def test_others_read_what_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(header("folder/", 0) + member("folder/a", b"x" * 600) + member("b", b"") + END)
    with tarfile.open(path) as archive:
        assert [(info.name, info.size, info.mode) for info in archive] == [
            ("folder", 0, 0o777),
            ("folder/a", 600, 0o666),
            ("b", 0, 0o666),
        ]
    listed = subprocess.run(["tar", "-tf", path], capture_output=True, text=True, check=True).stdout
    assert listed.split() == ["folder/", "folder/a", "b"]


def test_sizes_beyond_eight_gibibytes() -> None:
    """The old header has no room for them: pax and GNU each have their way."""
    huge = 9 << 30
    gnu = tarfile.TarInfo("x")
    gnu.size = huge
    for head in (header("x", huge), gnu.tobuf(tarfile.GNU_FORMAT)):
        archive = TarReader([head, b"begins"])
        found = next(archive.members())
        assert (found.name, found.size) == ("x", huge)


def test_links_and_devices_are_passed_over() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (
            ("l", tarfile.SYMTYPE),
            ("h", tarfile.LNKTYPE),
            ("d", tarfile.CHRTYPE),
            ("f", tarfile.DIRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, "/etc/passwd", 0
            archive.addfile(info)
    assert read(out.getvalue()) == {}


def test_content_may_be_left_unread() -> None:
    archive = TarReader(pieces(tar_of({"a": b"x" * 5000, "b": b"y" * 10}), 300))
    assert [found.name for found in archive.members()] == ["a", "b"]


BAD = {
    "not tar": (b"GIF89a" + bytes(600) + b"x" * 600, "not a tar archive"),
    "cut in a header": (member("a", b"x")[:300], "too early"),
    "cut in content": (member("a", b"x" * 1000)[:900], "too early"),
    "climbing": (member("a/../../b", b"x"), "leads outside"),
    "climbing by pax": (tar_of({"../" * 60 + "x": b"1"}), "leads outside"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(name: str) -> None:
    data, reason = BAD[name]
    with pytest.raises(BadArchive, match=reason):
        read(data)


def extended(kind: bytes, size: int) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_an_extended_header_of_any_size_is_not_read(kind: bytes) -> None:
    def endless() -> Iterator[bytes]:
        yield extended(kind, 1 << 40)
        while True:
            yield bytes(1 << 20)

    with pytest.raises(BadArchive, match="unreasonable"):
        next(TarReader(endless()).members())


@pytest.mark.parametrize("record", [b"99 size=1\n", b"4 a=\n", b"x size=1\n", b"10 size=-1\n", b"0 a=b\n"])
def test_damaged_records(record: bytes) -> None:
    data = extended(tarfile.XHDTYPE, len(record)) + record + padding(len(record)) + member("a", b"x") + END
    with pytest.raises(BadArchive):
        read(data)


def test_many_entries_are_too_many() -> None:
    with pytest.raises(BadArchive, match="more than"):
        for _ in TarReader(member("a", b"") for _ in range(1 << 15)).members():
            pass


def test_memory_stays_flat_however_much_is_passed_over() -> None:
    def large() -> Iterator[bytes]:
        yield header("other", 200 << 20)
        for _ in range(200):
            yield bytes(1 << 20)
        yield END

    tracemalloc.start()
    try:
        assert [found.name for found in TarReader(large()).members()] == ["other"]
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_anywhere_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    data = bytearray(tar_of({"blobs/sha256/" + "a" * 64: b"x" * 700, "p" * 130: b"y", "manifest.json": b"{}"}))
    for position, byte in changes:
        data[position % len(data)] = byte
    try:
        read(bytes(data))
    except BadArchive as error:
        message = error.message
    else:
        message = ""
    assert message.isprintable()
