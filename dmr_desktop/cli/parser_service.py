"""Verbs about the service and their options."""

import argparse

from dmr_desktop.cli.verbs import Verbs, port


def add(verbs: Verbs) -> None:
    verb = verbs.add(
        "quickstart", "start the service, open TCP, ask the bundled model, show the tray app", module="quickstart"
    )
    verb.add_argument("--no-desktop", action="store_true", help="do not start the tray app")

    verb = verbs.add("serve", "run the service in this terminal", module="service_verbs")
    verb.add_argument(
        "--detach", "-d", action="store_true", help="start it in the background and return when it is ready"
    )

    _desktop(verbs)

    verb = verbs.add("status", "tell whether the service runs, where, and with which backends", module="status")
    verb.add_argument("--json", action="store_true", help="one line of JSON")

    verb = verbs.add(
        "enable", "open the TCP port for programs on this machine; starts the service if needed", module="service_verbs"
    )
    _tcp_options(verb)

    verb = verbs.add("disable", "close the TCP port and container access", module="service_verbs")
    verb.add_argument("--containers", action="store_true", help="only container access")
    verb.add_argument("--lan", action="store_true", help="only the local network; TCP on this machine stays open")

    if not verbs.face.is_plugin:
        verbs.add("stop", "stop the service; running requests are ended", module="service_verbs")

    verb = verbs.add("logs", "show the service's log", module="logs")
    verb.add_argument("--follow", "-f", action="store_true", help="go on showing what is added")
    verb.add_argument("--no-engines", action="store_true", help="leave out what the models' processes print")

    verb = verbs.add("version", "show the versions of this program and of the service", module="service_verbs")
    verb.add_argument("--json", action="store_true", help="as JSON")

    verb = verbs.add("context", "choose between services on several machines", module="context_verb")
    verb.add_argument("action", choices=("create", "use", "ls", "list", "rm", "remove", "inspect"))
    verb.add_argument("names", nargs="*", metavar="NAME")
    verb.add_argument("--host", default="", metavar="URL", help="create: e.g. http://192.168.1.100:12434")
    verb.add_argument("--description", default="", metavar="TEXT", help="create")
    verb.add_argument("--tls", action="store_true", help="create: the address is https")
    verb.add_argument("--tls-ca-cert", default="", metavar="FILE", help="create: the CA that signed its certificate")
    verb.add_argument("--tls-skip-verify", action="store_true", help="create: do not check its certificate")
    verb.set_defaults(words="names")

    verb = verbs.add("completion", "print the completion script of a shell", module="completion")
    verb.add_argument("shell", choices=("bash", "zsh", "fish"))


def _desktop(verbs: Verbs) -> None:
    verb = verbs.add(
        "desktop",
        "run the tray app; `desktop enable|disable model-runner` is what `docker desktop` calls the TCP switch",
        module="desktop_verb",
    )
    verb.add_argument("--detach", "-d", action="store_true", help="start it in the background")
    verb.add_argument("action", nargs="?", choices=("enable", "disable"), metavar="enable|disable")
    verb.add_argument("feature", nargs="?", choices=("model-runner",), metavar="model-runner")
    _tcp_options(verb)
    verb.add_argument("--no-tcp", action="store_true", help="with enable: close the TCP port")


def _tcp_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--containers", action="store_true", help="let containers in, for using models only; TCP stays as it is"
    )
    verb.add_argument("--lan", action="store_true", help="let other machines of the local network in, with an API key")
    verb.add_argument(
        "--new-key", action="store_true", help="with --lan: make a new API key and show it; the old one is void"
    )
    verb.add_argument("--tcp", nargs="?", type=port, metavar="PORT", help="the port (default: the settings', 12434)")
    verb.add_argument(
        "--cors",
        metavar="ORIGINS",
        help="web origins that may use it, besides this machine's: all, none, or a list with commas",
    )
