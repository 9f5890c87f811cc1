"""``package`` and ``repackage``: a model of files on this machine, or of another model."""

from argparse import Namespace
from pathlib import Path

from dmr_desktop.cli.lookup import stored_name
from dmr_desktop.cli.push import send
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import InvalidRequest


def package(session: Session, options: Namespace) -> int:
    if options.dduf or options.format == "cncf":
        what = "DDUF archives" if options.dduf else "the CNCF format"
        raise InvalidRequest(f"{what} cannot be packaged here", hint="--gguf, --safetensors-dir or --from, as `docker`")
    if options.source:
        _variant(session, options)
    else:
        try:
            _of_files(session, options)
        except KeyboardInterrupt:
            session.terminal.note("\nInterrupted; nothing of it is kept.")
            return 130
    if options.push:
        return send(session, options.name)
    return 0


def repackage(session: Session, options: Namespace) -> int:
    source = stored_name(session, options.source)
    message = session.client.repackage(source, options.target, context_size=options.context_size)
    session.terminal.line(safe_line(message))
    return 0


def _variant(session: Session, options: Namespace) -> None:
    if options.licenses or options.mmproj or options.chat_template:
        raise InvalidRequest(
            "--from takes --context-size only: files cannot be added to a stored model",
            hint="package its GGUF file again with --gguf",
        )
    source = stored_name(session, options.source)
    session.terminal.note(f"Packaging {safe_line(source)} …")
    session.client.repackage(source, options.name, context_size=options.context_size)
    _done(session, options.name)


def _of_files(session: Session, options: Namespace) -> None:
    gguf = _path(options.gguf, "a GGUF file")
    directory = _path(options.safetensors_dir, "a directory of safetensors", is_directory=True)
    session.terminal.note(f"Packaging {safe_line(gguf or directory)} …")
    session.client.package(
        options.name,
        gguf=gguf,
        safetensors_dir=directory,
        licenses=[_path(text, "a licence") for text in options.licenses],
        mmproj=_path(options.mmproj, "a projector"),
        chat_template=_path(options.chat_template, "a chat template"),
        context_size=options.context_size,
    )
    _done(session, options.name)


def _done(session: Session, name: str) -> None:
    session.terminal.line(f'Model packaged successfully as "{safe_line(name)}"')


def _path(text: str, what: str, *, is_directory: bool = False) -> str:
    """The absolute path, "" for "": the service, in a directory of its own, reads the file."""
    if not text:
        return ""
    path = Path(text).expanduser().absolute()
    if not (path.is_dir() if is_directory else path.is_file()):
        raise InvalidRequest(
            f"{path} is not a {'directory' if is_directory else 'file'}", hint=f"give the path of {what}"
        )
    return str(path)
