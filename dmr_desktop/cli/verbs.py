"""The list of verbs while the parser is made: names, aliases, modules, and whether one may start the service."""

import argparse
from collections.abc import Sequence

from dmr_desktop.cli.face import Face


class Verbs:
    """``parsers`` maps every name and alias of a verb to its parser."""

    def __init__(self, subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]", face: Face) -> None:
        self.face = face
        self.parsers: dict[str, argparse.ArgumentParser] = {}
        self._subparsers = subparsers

    def add(
        self,
        name: str,
        text: str,
        *aliases: str,
        module: str,
        starts: bool = False,
        starts_for_docker: bool = False,
        hidden: bool = False,
    ) -> argparse.ArgumentParser:
        """``module`` of this room holds a function of the verb's name (``-`` as ``_``), called with what was parsed.

        A verb that ``starts`` brings the service up if it is not there. Docker's client starts it also for those
        that only look, as Compose and others call them first.
        """
        if hidden:
            parser = self._subparsers.add_parser(name, description=text, aliases=aliases, allow_abbrev=False)
        else:
            parser = self._subparsers.add_parser(name, description=text, help=text, aliases=aliases, allow_abbrev=False)
        parser.set_defaults(
            verb=name,
            module=module,
            starts_service=starts or (starts_for_docker and self.face.is_plugin),
        )
        for known in (name, *aliases):
            self.parsers[known] = parser
        return parser

    def hands_on(self, argv: Sequence[str]) -> bool:
        """Whether the verb of this command line takes what follows ``--`` as it is."""
        word = next((word for word in argv if not word.startswith("-")), "")
        return word in self.parsers and bool(self.parsers[word].get_default("hands_on"))


def port(text: str) -> int:
    if text.isdecimal() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 1 to 65535")


def positive(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 2**31:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")


def context_size(text: str) -> int:
    """As Docker takes it: a positive number, or -1 for all that the model can."""
    return -1 if text == "-1" else positive(text)


def truth(text: str) -> bool:
    """Go's spelling of a boolean."""
    if text in ("1", "t", "T", "true", "TRUE", "True"):
        return True
    if text in ("0", "f", "F", "false", "FALSE", "False"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
