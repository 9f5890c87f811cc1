"""``export`` and ``load``: a model as a tar archive, to carry it to a machine without a network."""

import hashlib
import sys
import tarfile
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dmr_desktop.cli.lookup import stored_name
from dmr_desktop.cli.quantities import decimal_size
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.terminal import OutputFailed
from dmr_desktop.protocol.errors import DMRError, InvalidRequest

_CHUNK_BYTES = 1 << 20
_MAX_MANIFEST_BYTES = 4 << 20


def export(session: Session, options: Namespace) -> int:
    """A file appears under its name only when it is complete."""
    to_file = options.output not in ("", "-")
    if not to_file and sys.stdout.isatty():
        raise InvalidRequest("an archive is not for the eye", hint="name a file (-o model.tar), or pipe it on")
    chunks = session.client.export(stored_name(session, options.model))
    if to_file:
        path = Path(options.output).expanduser().absolute()
        size = _write_file(chunks, path)
        session.terminal.note(f"{safe_line(str(path))}: {decimal_size(size)}")
        return 0
    try:
        _write(chunks, sys.stdout.buffer)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailed(f"standard output cannot be written: {error.strerror}") from error
    return 0


def _write_file(chunks: Iterator[bytes], path: Path) -> int:
    draft = path.with_name(f".{path.name}.part")
    try:
        try:
            with draft.open("wb") as file:
                size = _write(chunks, file)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise DMRError(f"{path} cannot be written: {error.strerror}") from error
    return size


def _write(chunks: Iterator[bytes], file: BinaryIO) -> int:
    size = 0
    for chunk in chunks:
        file.write(chunk)
        size += len(chunk)
    file.flush()
    return size


def load(session: Session, options: Namespace) -> int:
    """The archive holds no name: it is --tag's, or the model is found by its id."""
    before = {model.id for model in session.client.models()}
    model_id = ""
    if options.input in ("", "-"):
        if sys.stdin is None or sys.stdin.isatty():
            raise InvalidRequest("no archive was given", hint="name a file (-i model.tar), or pipe one in")
        last = session.client.load(_chunks(sys.stdin.buffer))
    else:
        path = Path(options.input).expanduser().absolute()
        try:
            with path.open("rb") as file:
                last = session.client.load(_chunks(file))
            model_id = id_in(path)
        except OSError as error:
            raise DMRError(f"{path} cannot be read: {error.strerror}") from error
    session.terminal.line(safe_line(last.message))
    if not model_id:
        new = [model.id for model in session.client.models() if model.id not in before]
        model_id = new[0] if len(new) == 1 else ""
    if model_id:
        session.terminal.line(safe_line(model_id))
    if options.tag:
        _name(session, model_id, options.tag)
    return 0


def _name(session: Session, model_id: str, tag: str) -> None:
    if not model_id:
        raise DMRError(
            "the model was here already, and an archive from a pipe does not tell which one it is",
            hint=f"load it from a file (-i), or `dmr ls` and `dmr tag ID {tag}`",
        )
    session.client.tag(model_id, tag)
    session.terminal.line(f'Model tagged successfully with "{safe_line(tag)}"')


def id_in(path: Path) -> str:
    """The id of the model in an archive that the service has taken, "" if it cannot be told. Raises OSError."""
    try:
        with tarfile.open(path, "r:") as archive:
            manifest = archive.extractfile("manifest.json")
            data = manifest.read(_MAX_MANIFEST_BYTES) if manifest is not None else b""
    except (tarfile.TarError, KeyError):
        return ""
    return f"sha256:{hashlib.sha256(data).hexdigest()}" if data else ""


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk
