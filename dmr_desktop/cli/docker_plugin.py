"""``docker model``: this command line as a plug-in of the docker client.

Docker asks every plug-in for its metadata before each of its commands, so that answer loads nothing but this
file. The arguments come as ``[docker's global options] model VERB ...``; Compose leaves ``model`` out.
"""

import os
import sys
from collections.abc import Sequence

METADATA = "docker-cli-plugin-metadata"
HOOKS = "docker-cli-plugin-hooks"
COMPLETE = ("__complete", "__completeNoDesc")

PROTOCOL_VERSION = "v1.0.6"
"""The version of Docker's own plug-in whose arguments are understood; Compose passes runtime flags from here on."""

_WITH_VALUE = frozenset(
    "--config -c --context -H --host -l --log-level --tlscacert --tlscert --tlskey".split(),
)
_WITHOUT_VALUE = frozenset("-D --debug --tls --tlsverify".split())


def metadata() -> str:
    """One line of JSON, written by hand so that no module is needed for it."""
    return (
        '{"SchemaVersion":"0.1.0","Vendor":"DMR Desktop","Version":"' + PROTOCOL_VERSION + '",'
        '"ShortDescription":"Docker Model Runner (DMR Desktop)","URL":"https://docs.docker.com/ai/model-runner/"}'
    )


def main(argv: Sequence[str]) -> int:
    if argv[:1] == [METADATA]:
        print(metadata())
        return 0
    from dmr_desktop.cli.face import DOCKER, DOCKER_DIRECT

    globals_given, words = split_globals(argv)
    if "--config" in globals_given:
        os.environ["DOCKER_CONFIG"] = globals_given["--config"]
    if words[:2] == ["model", HOOKS]:
        return 0  # none are declared
    face = DOCKER if os.environ.get("DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND") else DOCKER_DIRECT
    if words[:1] and words[0] in COMPLETE:
        from dmr_desktop.cli.complete import main as complete

        return complete(_without_name(words[1:]), face, described=words[0] == COMPLETE[0])
    if words[:1] == ["help"]:
        words = [*_without_name(words[1:]), "--help"]
    words = _without_name(words)
    if words[:1] in (["serve"], ["desktop"]):
        from dmr_desktop.settings import self_command

        command = self_command(*words)  # roles of their own, in a process of their own
        os.execv(command[0], command)
    _end_with_docker(os.environ.get("DOCKER_CLI_PLUGIN_SOCKET", ""))
    from dmr_desktop.cli.main import main as cli_main

    debug = ["--debug"] if globals_given.keys() & {"-D", "--debug"} else []
    return cli_main([*debug, *words] if words else ["--help"], face)


def split_globals(argv: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Docker's own options in front (name to value, "" without one) and what follows them."""
    found: dict[str, str] = {}
    position = 0
    while position < len(argv):
        name, equals, value = argv[position].partition("=")
        if name in _WITHOUT_VALUE:
            found[name] = value
        elif name in _WITH_VALUE:
            if not equals:
                position += 1
                value = argv[position] if position < len(argv) else ""
            found[name] = value
        else:
            break
        position += 1
    return found, list(argv[position:])


def _without_name(words: list[str]) -> list[str]:
    return words[1:] if words[:1] == ["model"] else words


def _end_with_docker(address: str) -> None:
    """Docker holds a socket open while it runs; when it closes, this process is interrupted as by Ctrl-C."""
    if not address or sys.platform == "win32":
        return
    import signal
    import socket
    import threading

    watch = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        watch.connect("\0" + address[1:] if address.startswith("@") else address)
    except OSError:
        watch.close()
        return

    def wait() -> None:
        try:
            while watch.recv(256):
                pass
        except OSError:
            pass
        main_thread = threading.main_thread()
        if main_thread.ident is not None and main_thread.is_alive():
            signal.pthread_kill(main_thread.ident, signal.SIGINT)  # also ends a blocking call

    threading.Thread(target=wait, daemon=True, name="docker").start()
