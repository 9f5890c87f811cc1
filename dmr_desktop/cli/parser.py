"""The verbs and their options, as argparse knows them. Loads nothing else."""

import argparse
from collections.abc import Sequence

_EPILOG = """\
first steps:
  dmr quickstart               start everything and ask the bundled model a question
  dmr pull ai/smollm2          fetch a model from Docker Hub
  dmr run ai/smollm2           chat with it
  dmr enable --tcp 12434       let n8n, LangChain and others on this machine in

environment:
  MODEL_RUNNER_HOST            where the service is (http://host:port or unix:///path), if not on this machine's socket
  MODELS_PATH, MODEL_RUNNER_SOCK, DMR_STATE_DIR, ... (see docs)
"""


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of one command line; wrong usage and ``--help`` end the process, as argparse does it.

    argparse gives a list of words up at the first option that follows (``run MODEL --max-tokens 9 hello``);
    words that come later are added here.
    """
    parser = make_parser()
    options, rest = parser.parse_known_args(argv)
    if rest:
        words = getattr(options, getattr(options, "words", ""), None)
        if words is None or any(word.startswith("-") for word in rest):
            parser.error(f"unrecognized arguments: {' '.join(rest)}")
        words.extend(rest)
    return options


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dmr",
        description="Run language models on this machine, with Docker Model Runner's API.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback when something goes wrong")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    _service_verbs(verbs)
    _model_verbs(verbs)
    _runner_verbs(verbs)
    return parser


_Verbs = argparse._SubParsersAction


def _verb(verbs: "_Verbs[argparse.ArgumentParser]", name: str, text: str, *aliases: str) -> argparse.ArgumentParser:
    parser = verbs.add_parser(name, help=text, description=text, aliases=aliases, allow_abbrev=False)
    parser.set_defaults(verb=name)
    return parser


def _service_verbs(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(verbs, "quickstart", "start the service, open TCP, ask the bundled model, show the tray app")
    verb.add_argument("--no-desktop", action="store_true", help="do not start the tray app")

    verb = _verb(verbs, "serve", "run the service in this terminal")
    verb.add_argument(
        "--detach", "-d", action="store_true", help="start it in the background and return when it is ready"
    )

    verb = _verb(verbs, "desktop", "run the tray app")
    verb.add_argument("--detach", "-d", action="store_true", help="start it in the background")

    verb = _verb(verbs, "status", "tell whether the service runs, where, and with which backends")
    verb.add_argument("--json", action="store_true", help="one line of JSON")

    verb = _verb(verbs, "enable", "open the TCP port for programs on this machine; starts the service if needed")
    verb.add_argument("--tcp", nargs="?", type=_port, metavar="PORT", help="the port (default: the settings', 12434)")

    _verb(verbs, "disable", "close the TCP port; the Unix socket stays")

    _verb(verbs, "stop", "stop the service; running requests are ended")

    verb = _verb(verbs, "logs", "show the service's log")
    verb.add_argument("--follow", "-f", action="store_true", help="go on showing what is added")
    verb.add_argument("--no-engines", action="store_true", help="leave out what the models' processes print")

    _verb(verbs, "version", "show the versions of this program and of the service")


def _model_verbs(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    verb = _verb(verbs, "ls", "list the models on this machine", "list")
    verb.add_argument("model", nargs="?", metavar="MODEL", help="only this one")
    output = verb.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="as JSON")
    output.add_argument("--openai", action="store_true", help="as the OpenAI model list")
    output.add_argument("--quiet", "-q", action="store_true", help="only the ids")

    verb = _verb(verbs, "pull", "fetch a model; an interrupted pull resumes where it stopped")
    verb.add_argument(
        "model", metavar="MODEL", help="e.g. ai/smollm2, hf.co/org/repo:Q4_K_M, registry.example.com/a/b:tag"
    )

    verb = _verb(verbs, "run", "ask a model, or chat with it; pulls it first if it is missing")
    verb.add_argument("--detach", "-d", action="store_true", help="only load the model")
    verb.add_argument("--system", metavar="TEXT", help="instructions that come before the conversation")
    verb.add_argument("--temperature", type=float, metavar="T", help="0 gives the same answer each time")
    verb.add_argument("--max-tokens", type=_positive, metavar="N", help="length of an answer at most")
    verb.add_argument("model", metavar="MODEL")
    verb.add_argument("prompt", nargs="*", metavar="PROMPT", help="the question; piped input is added to it")
    verb.set_defaults(words="prompt")

    verb = _verb(verbs, "inspect", "show all that is known of a model, as JSON")
    verb.add_argument("model", metavar="MODEL")

    verb = _verb(verbs, "tag", "give a model another name")
    verb.add_argument("source", metavar="SOURCE")
    verb.add_argument("target", metavar="TARGET")

    verb = _verb(verbs, "rm", "remove models", "remove")
    verb.add_argument("--force", "-f", action="store_true", help="also when it has several names or is in use")
    verb.add_argument("models", nargs="+", metavar="MODEL")
    verb.set_defaults(words="models")

    verb = _verb(verbs, "package", "make a model of a GGUF file")
    verb.add_argument("--gguf", required=True, metavar="FILE")
    verb.add_argument("--context-size", type=_positive, metavar="N", help="tokens that the model is given by default")
    verb.add_argument("name", metavar="NAME", help="e.g. mymodel or registry.example.com/me/mymodel:v1")

    _verb(verbs, "df", "show the disk space in use")


def _runner_verbs(verbs: "_Verbs[argparse.ArgumentParser]") -> None:
    _verb(verbs, "ps", "list the models that are loaded")

    verb = _verb(verbs, "unload", "free the memory of loaded models; those in use stay")
    verb.add_argument("--all", action="store_true", help="all of them")
    verb.add_argument("--backend", default="", metavar="NAME", help="only those of this backend")
    verb.add_argument("models", nargs="*", metavar="MODEL")
    verb.set_defaults(words="models")


def _port(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 1 to 65535")


def _positive(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
