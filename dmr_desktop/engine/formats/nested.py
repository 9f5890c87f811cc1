"""Values whose objects and lists are written with tags of their own, the key being the tag."""

import json
import re
from collections.abc import Mapping

from dmr_desktop.engine.formats.json_stream import SPACE
from dmr_desktop.engine.formats.kinds import kinds, resolved
from dmr_desktop.engine.formats.literals import VerbatimReader, escaped, untagged_to_json
from dmr_desktop.protocol.json_types import JSON

_MAX_DEPTH = 32


class NestedValue:
    """One value up to ``prefix</key>``. Strings are passed on as they come, others when they are complete."""

    def __init__(self, prefix: str, item: str, key: str, schema: JSON, root: Mapping[str, JSON]) -> None:
        self._tags = _Tags(prefix, item, root)
        self._schema = schema
        self._key = key
        allowed = kinds(schema, root)
        self._string = VerbatimReader(self._tags.close(key)) if allowed == {"string"} else None
        self._said = ['"'] if self._string else []
        self._text = ""

    def take(self) -> str:
        text = "".join(self._said)
        self._said.clear()
        return text

    def feed(self, piece: str) -> str | None:
        if self._string:
            text, rest = self._string.feed(piece)
            self._said.append(escaped(text))
            if not self._string.done:
                return None
            self._said.append('"')
            return rest
        self._text += piece
        end = self._tags.end_of(self._text, 0, self._key)
        if end < 0:
            return None
        inner = self._text[: end - len(self._tags.close(self._key))]
        self._said.append(self._tags.to_json(inner, self._schema, 0))
        return self._text[end:]


class _Tags:
    def __init__(self, prefix: str, item: str, root: Mapping[str, JSON]) -> None:
        self._prefix = prefix
        self._item = item
        self._root = root
        self._open = re.compile(rf"\s*{re.escape(prefix)}<([^<>/\s][^<>]*)>")

    def close(self, key: str) -> str:
        return f"{self._prefix}</{key}>"

    def end_of(self, text: str, start: int, key: str) -> int:
        """The index behind the close tag that belongs to an opened ``key``, or -1."""
        opened, closed = f"{self._prefix}<{key}>", self.close(key)
        depth, at = 1, start
        while depth:
            end = text.find(closed, at)
            if end < 0:
                return -1
            depth += text.count(opened, at, end) - 1
            at = end + len(closed)
        return at

    def to_json(self, text: str, schema: JSON, depth: int) -> str:
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
        at = 0
        while text[at:].strip(SPACE):
            match = self._open.match(text, at)
            end = self.end_of(text, match.end(), match[1]) if match else -1
            if match is None or end < 0:
                return None
            found.append((match[1], text[match.end() : end - len(self.close(match[1]))]))
            at = end
        return found

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
