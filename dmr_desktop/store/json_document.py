"""Strict JSON from strangers: registries, artifacts and files that anybody may have written."""

import json
import re
from typing import Any, NoReturn

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half of a character outside the basic plane, as only an escape can write it: harmless beside its other half."""


def strict_json(data: bytes) -> dict[str, Any]:
    """The object that ``data`` holds. Raises ValueError, with a text fit to be shown, on anything else.

    Refused: other encodings than UTF-8, another root than an object, duplicate keys (two readers could see two
    documents), NaN and infinities, halves of a character (nothing that holds one can be written again), nesting deep
    enough to exhaust the stack.
    """
    try:
        found = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON (at byte {error.pos})") from None
    if not isinstance(found, dict):
        raise ValueError("not a JSON object")
    if _HALF.search(data):
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("not Unicode (half a character is in it)") from None
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
