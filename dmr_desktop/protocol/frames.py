"""Framing of the channel between the service and a runner: a 4-byte little-endian length, then the payload.

The payload is UTF-8 JSON; encoding it is the ends' business (this room is standard library only).
"""

from struct import Struct

MAX_FRAME_BYTES = 64 * 1024 * 1024
_LENGTH = Struct("<I")


class FrameError(ValueError):
    """The peer does not speak this framing."""


def frame(payload: bytes) -> bytes:
    """``payload`` with its length in front. Raises :class:`FrameError` if it is too long to send."""
    if len(payload) > MAX_FRAME_BYTES:
        raise FrameError(f"a frame of {len(payload)} bytes is over the limit of {MAX_FRAME_BYTES}")
    return _LENGTH.pack(len(payload)) + payload


class FrameSplitter:
    """Cuts a byte stream, fed in pieces of any size, back into payloads."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that ``data`` completes. Raises :class:`FrameError`; then the stream is unusable."""
        buffer = self._buffer
        buffer += data
        found = []
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > MAX_FRAME_BYTES:
                raise FrameError(f"the peer announces a frame of {length} bytes")
            end = start + _LENGTH.size + length
            if end > len(buffer):
                break
            found.append(bytes(buffer[start + _LENGTH.size : end]))
            start = end
        del buffer[:start]
        return found
