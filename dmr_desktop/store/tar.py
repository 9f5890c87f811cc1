"""Plain tar, as streams: writing members one by one, and reading what a stranger wrote.

The standard library's headers, but not its reader: that one keeps extended headers of any size in memory and
follows sparse maps. Here every number is bounded before it is believed, and nothing is extracted. Knows no models.
"""

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dmr_desktop.protocol.errors import InvalidRequest

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
_MAX_MEMBERS = 1 << 14
_MAX_EXTENDED_BYTES = 1 << 16
_FILE_TYPES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_EXTENDED_TYPES = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME)
_SIZELESS_TYPES = (
    tarfile.LNKTYPE,
    tarfile.SYMTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.DIRTYPE,
    tarfile.FIFOTYPE,
)


class BadArchive(InvalidRequest):
    """The bytes are no archive that can be used; the message says why."""

    title = "Not a model archive"


def header(name: str, size: int) -> bytes:
    """The header of a regular file, or of a folder when ``name`` ends in ``/``; what follows is padded to blocks."""
    info = tarfile.TarInfo(name.rstrip("/"))
    info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    info.size = size
    info.mode = 0o777 if info.isdir() else 0o666
    return info.tobuf(tarfile.PAX_FORMAT)


def padding(size: int) -> bytes:
    """The zeros after ``size`` bytes of content."""
    return bytes(-size % BLOCK)


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file. ``name`` uses ``/`` and never climbs (``..``), but may be absolute: it is a label, not a path."""

    name: str
    size: int


class TarReader:
    """Regular files in their order, everything else passed over. Raises :class:`BadArchive`.

    ``chunks`` are the archive's bytes as they come. A member's content is read, wholly or in part, before the next
    member is asked for.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = b""
        self._left = 0
        """Bytes of the current member, its padding included, that nobody has read."""

    def members(self) -> Iterator[Member]:
        extended: dict[str, str] = {}
        for _ in range(_MAX_MEMBERS):
            self._pass_over(self._left)
            info = self._header()
            if info is None:
                return
            if info.type in _EXTENDED_TYPES:
                extended |= self._extended(info)
                continue
            size = _size(extended, info)
            name, extended = extended.get("path", info.name), {}
            if ".." in name.split("/"):
                raise BadArchive("a name in the archive leads outside of it")
            if info.type in _FILE_TYPES:
                self._left = size + -size % BLOCK
                yield Member(name.removeprefix("./"), size)
            else:
                self._left = 0 if info.type in _SIZELESS_TYPES else size + -size % BLOCK
        raise BadArchive(f"the archive has more than {_MAX_MEMBERS} entries")

    def content(self, member: Member) -> Iterator[bytes]:
        """The bytes of the current member as they come."""
        left = member.size
        while left:
            piece = self._some(left)
            left -= len(piece)
            self._left -= len(piece)
            yield piece

    def read(self, member: Member, limit: int) -> bytes:
        """The whole content of a small member."""
        if member.size > limit:
            raise BadArchive(f"{member.name[:80]!r} is larger than {limit} bytes")
        return b"".join(self.content(member))

    def _header(self) -> tarfile.TarInfo | None:
        """None at the end: a block of zeros, or no more bytes."""
        block = self._exactly(BLOCK, may_end=True)
        if not block.strip(b"\0"):
            return None
        try:
            info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.HeaderError, ValueError) as error:
            raise BadArchive("it is not a tar archive, or damaged") from error
        if info.size < 0:
            raise BadArchive("an entry of the archive has an impossible size")
        return info

    def _extended(self, info: tarfile.TarInfo) -> dict[str, str]:
        """What an extended header says of the next entry: its ``path`` and its ``size``."""
        if info.size > _MAX_EXTENDED_BYTES:
            raise BadArchive("an entry of the archive has an unreasonable header")
        data = self._exactly(info.size)
        self._exactly(-info.size % BLOCK)
        if info.type == tarfile.XGLTYPE:
            return {}
        if info.type == tarfile.GNUTYPE_LONGNAME:
            return {"path": data.rstrip(b"\0").decode("utf-8", "surrogateescape")}
        return _records(data)

    def _exactly(self, count: int, *, may_end: bool = False) -> bytes:
        pieces: list[bytes] = []
        missing = count
        while missing:
            piece = self._next(missing)
            if not piece:
                if may_end and not pieces:
                    return b""
                raise _too_short()
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def _some(self, most: int) -> bytes:
        piece = self._next(most)
        if not piece:
            raise _too_short()
        return piece

    def _next(self, most: int) -> bytes:
        while not self._buffer:
            chunk = next(self._chunks, None)
            if chunk is None:
                return b""
            self._buffer = chunk
        if len(self._buffer) <= most:
            piece, self._buffer = self._buffer, b""
        else:
            piece, self._buffer = self._buffer[:most], self._buffer[most:]
        return piece

    def _pass_over(self, count: int) -> None:
        self._left = 0
        while count:
            count -= len(self._some(count))


def _too_short() -> BadArchive:
    return BadArchive("the archive ends too early")


def _size(extended: dict[str, str], info: tarfile.TarInfo) -> int:
    text = extended.get("size")
    if text is None:
        return info.size
    if not (text.isascii() and text.isdecimal() and len(text) < 20):
        raise BadArchive("an entry of the archive has an impossible size")
    return int(text)


def _records(data: bytes) -> dict[str, str]:
    """The records ``<length> <key>=<value>\\n`` of a pax header."""
    found: dict[str, str] = {}
    while data.strip(b"\0"):
        digits, _, _ = data.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 8 else 0
        record = data[len(digits) + 1 : length]
        if length <= len(digits) + 1 or length > len(data) or not record.endswith(b"\n"):
            raise BadArchive("an entry of the archive has a damaged header")
        key, _, value = record[:-1].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        data = data[length:]
    return found
