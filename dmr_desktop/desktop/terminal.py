"""What the app does, as commands for a terminal. Pure."""

import shlex

from dmr_desktop.desktop.load_options import LoadOptions
from dmr_desktop.desktop.state import ModelEntry
from dmr_desktop.protocol.notices import TcpStatus


def load_command(model: ModelEntry) -> str:
    return _dmr("run", "--detach", _name(model))


def chat_command(model: ModelEntry) -> str:
    return _dmr("run", _name(model))


def unload_command(model: ModelEntry) -> str:
    return _dmr("unload", _name(model))


def unload_command_of(name: str) -> str:
    """Of a loaded model, by the name that its row has."""
    return _dmr("unload", name)


def delete_command(model: ModelEntry) -> str:
    return _dmr("rm", _name(model))


def pull_command(reference: str) -> str:
    return _dmr("pull", reference)


def configure_command(model: ModelEntry, options: LoadOptions) -> str:
    words = ["configure"]
    if options.context_size is not None:
        words += ["--context-size", str(options.context_size)]
    if options.keep_alive:
        words.append(f"--keep-alive={options.keep_alive}")
    flags = options.flags.strip()
    return _dmr(*words, _name(model)) + (f" -- {flags}" if flags else "")


def tcp_command(tcp: TcpStatus, wanted: bool) -> str:
    return _dmr("enable", "--tcp", str(tcp.port)) if wanted else _dmr("disable")


def origins_command(origins: tuple[str, ...]) -> str:
    return _dmr("enable", "--cors", "all" if "*" in origins else ",".join(origins) or "none")


def containers_command(wanted: bool) -> str:
    return _dmr("enable" if wanted else "disable", "--containers")


def network_command(wanted: bool, *, is_new_key: bool = False) -> str:
    if not wanted:
        return _dmr("disable", "--lan")
    return _dmr("enable", "--lan", *(["--new-key"] if is_new_key else []))


def _name(model: ModelEntry) -> str:
    """A model without a tag goes by its id."""
    return model.name if model.tags else model.id


def _dmr(*words: str) -> str:
    return shlex.join(("dmr", *words))
