"""Values whose objects and lists are written with tags of their own, the key being the tag."""

import json
import re
from collections.abc import Mapping

from dmr_desktop.engine.formats.chat_format import NestedValues
from dmr_desktop.engine.formats.json_stream import SPACE
from dmr_desktop.engine.formats.kinds import kinds, resolved
from dmr_desktop.engine.formats.literals import untagged_to_json
from dmr_desktop.protocol.json_types import JSON

_MAX_DEPTH = 32


class NestedTags:
    """The tags of one value. ``root`` is the schema of the tool, into which references lead."""

    def __init__(self, values: NestedValues, root: Mapping[str, JSON]) -> None:
        self._prefix = values.prefix
        self._item = values.item
        self._root = root
        self._open = re.compile(rf"\s*{re.escape(values.prefix)}<([^<>/\s][^<>]*)>")

    def around(self, key: str) -> tuple[str, str]:
        """What opens the value of ``key``, and what closes it."""
        return f"{self._prefix}<{key}>", f"{self._prefix}</{key}>"

    def to_json(self, text: str, schema: JSON, depth: int = 0) -> str:
        """What stands between a value's tags, as JSON that fits ``schema`` where it can."""
        allowed = kinds(schema, self._root)
        is_container = not allowed or bool(allowed & {"object", "array"})
        children = self._children(text) if is_container and depth < _MAX_DEPTH else None
        if not children:
            if not text.strip(SPACE) and "string" not in allowed:
                return "[]" if "array" in allowed else "{}" if "object" in allowed else "null"
            return untagged_to_json(text, allowed)
        if all(tag == self._item for tag, _ in children) and ("array" in allowed or "object" not in allowed):
            items = self._schema_of(schema, "items")
            return "[" + ", ".join(self.to_json(inner, items, depth + 1) for _, inner in children) + "]"
        members = [
            f"{json.dumps(tag, ensure_ascii=False)}: "
            f"{self.to_json(inner, self._schema_of(schema, 'properties', tag), depth + 1)}"
            for tag, inner in children
        ]
        return "{" + ", ".join(members) + "}"

    def _children(self, text: str) -> list[tuple[str, str]] | None:
        """Tags and what is in them; None where the text is not all tags."""
        found: list[tuple[str, str]] = []
        at, size = 0, len(text.rstrip(SPACE))
        while at < size:
            match = self._open.match(text, at)
            end = self._end_of(text, match.end(), match[1]) if match else -1
            if match is None or end < 0:
                return None
            at = end + len(self.around(match[1])[1])
            found.append((match[1], text[match.end() : end]))
        return found

    def _end_of(self, text: str, start: int, key: str) -> int:
        """Where the close tag begins that belongs to an opened ``key``, or -1."""
        opened, closed = self.around(key)
        depth, at = 1, start
        while True:
            end = text.find(closed, at)
            if end < 0:
                return -1
            depth += text.count(opened, at, end) - 1
            if not depth:
                return end
            at = end + len(closed)

    def _schema_of(self, schema: JSON, *path: str) -> JSON:
        """The schema under a path, in whichever branch of a union has it."""
        here = resolved(schema, self._root)
        found: JSON = here
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            return found
        for name in ("anyOf", "oneOf", "allOf"):
            branches = here.get(name)
            for branch in branches if isinstance(branches, list | tuple) else ():
                deeper = self._schema_of(branch, *path)
                if deeper:
                    return deeper
        return {}
