"""``__complete``: what could come next on a command line, in the protocol that docker and cobra's scripts speak.

One candidate a line, a tab and a description after it, and at the end ``:`` and a number: 4 no files, 0 files too.
"""

import argparse
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from dmr_desktop.cli.face import DMR, Face
from dmr_desktop.cli.names import all_spellings
from dmr_desktop.cli.parser import make_parser
from dmr_desktop.cli.safe_text import safe_line

NO_FILES, FILES = 4, 0
_MODEL_WORDS = ("MODEL", "SOURCE")
_FILE_WORDS = ("FILE", "DIR")
_MODEL_SECONDS = 0.5

Candidate: TypeAlias = "tuple[str, str]"


def main(words: Sequence[str], face: Face = DMR, *, described: bool = True) -> int:
    """``words`` end with the one that is being typed, perhaps empty."""
    *before, current = words or [""]
    candidates, directive = complete(before, current, face)
    for text, description in candidates:
        if text.startswith(current):
            print(safe_line(text) + (f"\t{safe_line(description)}" if described and description else ""))
    print(f":{directive}")
    return 0


def complete(before: Sequence[str], current: str, face: Face) -> tuple[list[Candidate], int]:
    """Everything that may stand after ``before``; the caller keeps what begins with ``current``."""
    parser, verbs = make_parser(face)
    words = [word for word in before if word != "--debug"]
    if not words:
        return _options(parser, current) or _verbs(parser), NO_FILES
    if words[0] not in verbs.parsers or "--" in words:
        return [], NO_FILES
    verb = verbs.parsers[words[0]]
    given = _option(verb, words[-1]) if len(words) > 1 else None
    if given is not None and given.nargs != 0:
        return _values(given, current)
    if current.startswith("-"):
        return _options(verb, current), NO_FILES
    positionals = [action for action in verb._actions if not action.option_strings]
    position = _count_positionals(verb, words[1:])
    if position < len(positionals):
        return _values(positionals[position], current)
    if positionals and positionals[-1].nargs in ("*", "+"):
        return _values(positionals[-1], current)
    return [], NO_FILES


def _verbs(parser: argparse.ArgumentParser) -> list[Candidate]:
    subparsers = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return [(choice.dest, choice.help or "") for choice in subparsers._get_subactions()]


def _options(parser: argparse.ArgumentParser, current: str) -> list[Candidate]:
    """The long spelling of each option."""
    if not current.startswith("-"):
        return []
    shown = [action for action in parser._actions if action.option_strings and action.help != argparse.SUPPRESS]
    return [(max(action.option_strings, key=len), action.help or "") for action in shown]


def _option(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    return next((action for action in parser._actions if word in action.option_strings), None)


def _count_positionals(parser: argparse.ArgumentParser, words: Sequence[str]) -> int:
    count, is_value = 0, False
    for word in words:
        if is_value:
            is_value = False
        elif word.startswith("-"):
            option = _option(parser, word)
            is_value = option is not None and option.nargs is None and "=" not in word
        else:
            count += 1
    return count


def _values(action: argparse.Action, current: str) -> tuple[list[Candidate], int]:
    if action.choices is not None:
        return [(str(choice), "") for choice in action.choices], NO_FILES
    if action.metavar in _MODEL_WORDS:
        return [(name, "") for name in _as_begun(model_names(), current)], NO_FILES
    return [], FILES if action.metavar in _FILE_WORDS else NO_FILES


def _as_begun(tags: Iterable[str], current: str) -> list[str]:
    """Each model in the spelling in which its name was begun, of several the shortest."""
    found = ([name for name in all_spellings(tag) if name.startswith(current)] for tag in tags)
    return sorted({min(names, key=len) for names in found if names})


def model_names() -> Iterable[str]:
    """The models' tags, if a service answers at once; completion never starts one and never complains."""
    from dmr_desktop.client.client import Client
    from dmr_desktop.client.discovery import find_endpoint
    from dmr_desktop.protocol.errors import DMRError
    from dmr_desktop.settings import SettingsError, load_settings

    try:
        with Client(find_endpoint(load_settings()), timeout_seconds=_MODEL_SECONDS) as client:
            return [tag for model in client.models() for tag in model.tags]
    except (DMRError, SettingsError):
        return []
