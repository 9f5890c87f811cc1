"""A command line as values. The verbs and their options stand in the ``parser_*`` modules; nothing else is loaded."""

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from dmr_desktop import __version__
from dmr_desktop.cli import parser_docker, parser_models, parser_runners, parser_service
from dmr_desktop.cli.face import DMR, Face
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.verbs import Verbs

_EPILOG = """\
first steps:
  {program} quickstart               start everything and ask the bundled model a question
  {program} pull ai/smollm2          fetch a model from Docker Hub
  {program} run ai/smollm2           chat with it
  {program} enable --tcp 12434       let n8n, LangChain and others on this machine in

environment:
  MODEL_RUNNER_HOST            where the service is (http://host:port or unix:///path), if not on this machine's socket
  MODELS_PATH, MODEL_RUNNER_SOCK, DMR_STATE_DIR, ... (see docs)
"""
_ELSEWHERE = {
    "chat": "run",
    "cp": "tag",
    "create": "package",
    "delete": "rm",
    "download": "pull",
    "get": "pull",
    "import": "package",
    "info": "show",
    "server": "serve",
    "start": "serve",
}
"""What other programs of this kind call a verb."""


def parse(argv: Sequence[str] | None = None, face: Face = DMR) -> argparse.Namespace:
    """The options of one command line; wrong usage and ``--help`` end the process, as argparse does it.

    What follows ``--`` is kept as it is, for the verbs that hand it on. argparse gives a list of words up at the
    first option that follows (``run MODEL --max-tokens 9 hello``); words that come later are added here.
    """
    parser, verbs = make_parser(face)
    given = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    if given[0] == "help":
        given = [*given[1:], "--help"]
    _check_verb(parser, verbs, given)
    handed_on: list[str] | None = None
    if "--" in given and verbs.hands_on(given):
        position = given.index("--")
        given, handed_on = given[:position], given[position + 1 :]
    # Go's flags take a boolean's value only after "=".
    given = ["--think=true" if word == "--think" else word for word in given]
    options, rest = parser.parse_known_args(given)
    if rest:
        words = getattr(options, getattr(options, "words", ""), None)
        if words is None or (any(word.startswith("-") for word in rest) and not hasattr(options, "takes_all")):
            meant = f"; to free a model's memory: {face.program} unload MODEL" if options.verb == "stop" else ""
            verbs.parsers[options.verb].error(f"unrecognized arguments: {safe_line(' '.join(rest))}{meant}")
        words.extend(rest)
    options.handed_on = handed_on or []
    return options


def make_parser(face: Face = DMR) -> tuple[argparse.ArgumentParser, Verbs]:
    parser = argparse.ArgumentParser(
        prog=face.program,
        description="Run language models on this machine, with Docker Model Runner's API.",
        epilog=_EPILOG.format(program=face.program),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", "-v", action="version", version=f"{face.program} {__version__}")
    parser.add_argument("--debug", action="store_true", help="show a traceback when something goes wrong")
    verbs = Verbs(parser.add_subparsers(dest="verb", metavar="VERB", required=True), face)
    parser_service.add(verbs)
    parser_models.add(verbs)
    parser_runners.add(verbs)
    parser_docker.add(verbs)
    return parser, verbs


def _check_verb(parser: argparse.ArgumentParser, verbs: Verbs, argv: Sequence[str]) -> None:
    """argparse would answer a mistyped verb with the list of all of them."""
    word = next((word for word in argv if word != "--debug"), "")
    if not word or word.startswith("-") or word in verbs.parsers:
        return
    near = [_ELSEWHERE[word]] if word in _ELSEWHERE else get_close_matches(word, verbs.parsers, 3)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    parser.error(f"there is no command {safe_line(word)!r}{meant} (`{parser.prog} --help` lists all)")
