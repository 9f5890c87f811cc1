"""Verbs that exist for Docker's sake: the plug-in, Compose, the runner's life, launching other programs."""

import argparse

from dmr_desktop.cli.verbs import Verbs, port


def add(verbs: Verbs) -> None:
    verb = verbs.add("plugin", "make this program answer to `docker model`", module="plugin_verb")
    verb.add_argument("action", nargs="?", choices=("install", "uninstall", "status"), default="status")
    verb.add_argument("--force", action="store_true", help="install: replace another program's plug-in, which is kept")
    verb.add_argument("--dir", default="", metavar="DIR", help="default: ~/.docker/cli-plugins")

    _compose(verbs)
    _runner(verbs)

    verb = verbs.add("launch", "start another program with this service as its model", module="launch", starts=True)
    verb.add_argument("--config", action="store_true", help="only print the settings")
    verb.add_argument("--dry-run", action="store_true", help="only print what would be run")
    verb.add_argument("--model", default="", metavar="MODEL")
    verb.add_argument("--port", type=port, metavar="PORT", help="web interfaces: the port on this machine")
    verb.add_argument("--image", default="", metavar="IMAGE", help="web interfaces: another container image")
    verb.add_argument("--detach", action="store_true", help="web interfaces: in the background")
    verb.add_argument("app", nargs="?", default="", metavar="APP")
    verb.set_defaults(hands_on=True)

    for name in ("search", "skills", "gateway"):
        verb = verbs.add(name, "not offered; says what to use instead", module="refused", hidden=True)
        verb.add_argument("anything", nargs="*")
        verb.set_defaults(words="anything", takes_all=True)


def _compose(verbs: Verbs) -> None:
    """Numbers stay text here: what is wrong with them must be told in Compose's own messages."""
    verb = verbs.add("compose", "answer Docker Compose (docs/compose.md)", module="compose", hidden=True)
    verb.add_argument("--project-name", default="")
    verb.add_argument("--model", dest="models", action="append", default=[])
    verb.add_argument("--context-size")
    verb.add_argument("--runtime-flags", default="")
    verb.add_argument("--backend", default="llama.cpp")
    verb.add_argument("--speculative-draft-model", default="")
    verb.add_argument("--speculative-num-tokens", default="0")
    verb.add_argument("--speculative-min-acceptance-rate", default="0")
    verb.add_argument("event", choices=("up", "down", "stop", "metadata"))
    verb.add_argument("services", nargs="*")
    verb.set_defaults(words="services")


def _runner(verbs: Verbs) -> None:
    """Docker's runner is a container; ours is the service."""
    for name, text in (
        ("install-runner", "start the service and open its TCP port"),
        ("reinstall-runner", "restart the service and open its TCP port"),
        ("start-runner", "start the service"),
        ("restart-runner", "restart the service"),
    ):
        verb = verbs.add(name, text, module="runner_service")
        verb.add_argument("--port", type=port, metavar="PORT")
        verb.add_argument("--host", default="127.0.0.1", metavar="ADDRESS")
        verb.add_argument("--gpu", default="auto", metavar="KIND", help=argparse.SUPPRESS)
        verb.add_argument("--backend", default="", metavar="NAME", help="ask for this backend")
        verb.add_argument("--do-not-track", action="store_true", help="nothing is ever tracked")
        verb.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        for refused in ("--llama-server-version", "--proxy-cert", "--tls-port", "--tls-cert", "--tls-key"):
            verb.add_argument(refused, help=argparse.SUPPRESS)
        verb.add_argument("--tls", action="store_true", help=argparse.SUPPRESS)

    verb = verbs.add("stop-runner", "stop the service", module="runner_service")
    verb.add_argument("--models", action="store_true", help="remove all models too")

    verb = verbs.add("uninstall-runner", "stop the service and close its TCP port for good", module="runner_service")
    verb.add_argument("--models", action="store_true", help="remove all models too")
    verb.add_argument("--images", action="store_true", help="there are none; accepted")
    verb.add_argument("--backend", default="", metavar="NAME", help="only remove this backend")
