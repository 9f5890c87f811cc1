"""Grammar rules for arguments that stand one by one, by the schema of the tool."""

from collections.abc import Mapping, Sequence

from dmr_desktop.engine.formats.chat_format import NestedValues, QuotedValues, TaggedCall, TextValues
from dmr_desktop.engine.formats.kinds import kinds, resolved
from dmr_desktop.engine.formats.members import RuleWriter, text_member
from dmr_desktop.protocol.generation import Tool
from dmr_desktop.protocol.json_types import JSON

_MAX_DEPTH = 8
_KEY = "/[A-Za-z_][A-Za-z0-9_-]{0,63}/"


class TaggedArguments:
    """Writes the arguments of one tool. ``param`` names its schema in errors."""

    def __init__(self, writer: RuleWriter, body: TaggedCall, tool: Tool, param: str) -> None:
        self._writer = writer
        self._body = body
        self._root = tool.parameters
        self._strict = tool.strict
        self._param = param

    def write(self) -> str:
        """Raises InvalidRequest for a schema that cannot be enforced."""
        root = resolved(self._root, self._root)
        if not root or (not root.get("properties") and root.get("additionalProperties") is False):
            return ""
        writer, body = self._writer, self._body
        properties = root.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            if "properties" in root:
                return ""
            if isinstance(body.values, NestedValues):
                # A closing tag must repeat a key that nobody knows.
                return ""
            first, other = (self._any_argument(lead) for lead in ("", body.separator))
            return writer.rule(f"({first} {other}{{0,15}})?")
        names = _required(root)
        unlisted: dict[str, JSON] = {str(name): {} for name in sorted(map(str, names)) if name not in properties}
        members = [
            text_member(
                f"{body.key_start}{name}{body.key_end}",
                self._value(name, schema),
                body.separator,
                writer,
                is_required=name in names,
            )
            for name, schema in {**properties, **unlisted}.items()
        ]
        return writer.members(members)

    def _any_argument(self, lead: str) -> str:
        """An argument of any name, for tools that do not say what they take."""
        body, literal = self._body, self._writer.literal
        start = f"{_literal(self._writer, lead + body.key_start)} {_KEY} {literal(body.key_end)}"
        return self._writer.rule(f"{start} {self._value('', {})}")

    def _value(self, name: str, schema: JSON) -> str:
        """A value with what ends it."""
        body = self._body
        match body.values:
            case TextValues() as values:
                return self._text_value(schema, values)
            case QuotedValues() as values:
                return f"{self._quoted(schema, values, 0)} {_literal(self._writer, body.value_end)}"
            case NestedValues() as values:
                return self._nested(name, schema, values, 0)

    def _text_value(self, schema: JSON, values: TextValues) -> str:
        """Everything behind ``key_end``: the word for the type where there is one, the value, and its end."""
        writer, end = self._writer, self._body.value_end
        allowed = kinds(schema, self._root)
        lead = {kind: f"{word}{values.word_end}" for kind, word in values.words.items()}
        answers = []
        if not allowed or "string" in allowed:
            answers.append(f"{_literal(writer, lead.get('string', ''))} {self._text(schema, end)}")
        # A string covers all others where nothing but the schema tells them apart.
        if allowed - {"string"} and (lead or "string" not in allowed):
            value = f"{self._json(schema)} {writer.literal(end)}"
            words = sorted({lead[kind] for kind in allowed - {"string"} if kind in lead})
            starts = " | ".join(writer.literal(word) for word in words)
            answers.append(f"({starts}) {value}" if starts else value)
        return writer.rule(" | ".join(answers))

    def _text(self, schema: JSON, end: str) -> str:
        """A string as it is, and its end."""
        choices = _choices(resolved(schema, self._root))
        if choices:
            return f"({' | '.join(self._writer.literal(choice) for choice in choices)}) {self._writer.literal(end)}"
        # The end is the end with or without the white space that belongs in front of it.
        return self._writer.until(end.strip())

    def _json(self, schema: JSON) -> str:
        found = resolved(schema, self._root)
        return self._writer.json(found, self._param, strict=self._strict, separators=(", ", ": "), root=self._root)

    def _quoted(self, schema: JSON, style: QuotedValues, depth: int) -> str:
        if len(style.quote) == 1:
            return self._json(schema)
        writer = self._writer
        here = resolved(schema, self._root)
        allowed = kinds(schema, self._root) or {"string"}
        quote = writer.literal(style.quote)
        answers = []
        if "string" in allowed:
            answers.append(f"{quote} {self._text(here, style.quote)}")
        if "object" in allowed and depth < _MAX_DEPTH:
            answers.append(self._quoted_object(here, style, depth))
        if "array" in allowed and depth < _MAX_DEPTH:
            item = writer.rule(self._quoted(here.get("items") or {}, style, depth + 1))
            answers.append(f'"[" ({item} ("," {item}){{0,31}})? "]"')
        scalars = sorted(allowed & {"number", "boolean", "null"})
        if scalars:
            answers.append(self._json({**here, "type": scalars} if "anyOf" in here else here))
        return writer.rule(" | ".join(answers))

    def _quoted_object(self, here: Mapping[str, JSON], style: QuotedValues, depth: int) -> str:
        writer = self._writer
        properties = here.get("properties")
        if not isinstance(properties, Mapping) or not properties:
            member = writer.rule(f'{_KEY} ":" {self._quoted({}, style, depth + 1)}')
            return f'"{{" ({member} ("," {member}){{0,15}})? "}}"'
        names = _required(here)
        members = [
            text_member(f"{name}:", self._quoted(schema, style, depth + 1), ",", writer, is_required=name in names)
            for name, schema in properties.items()
        ]
        return f'"{{" {writer.members(members)} "}}"'

    def _nested(self, name: str, schema: JSON, style: NestedValues, depth: int) -> str:
        """A value and its closing tag."""
        writer = self._writer
        here = resolved(schema, self._root)
        allowed = kinds(schema, self._root) or {"string"}
        close = f"{style.prefix}</{name}>"
        end = writer.literal(close)
        answers = []
        properties = here.get("properties")
        if "object" in allowed and isinstance(properties, Mapping) and depth < _MAX_DEPTH:
            names = _required(here)
            members = [
                text_member(
                    f"{style.prefix}<{child}>",
                    self._nested(child, inner, style, depth + 1),
                    "",
                    writer,
                    is_required=child in names,
                )
                for child, inner in properties.items()
            ]
            answers.append(f"{writer.members(members)} {end}")
        if "array" in allowed and depth < _MAX_DEPTH:
            inner = self._nested(style.item, here.get("items") or {}, style, depth + 1)
            item = writer.rule(f"{writer.literal(f'{style.prefix}<{style.item}>')} {inner}")
            answers.append(f"{item}{{0,31}} {end}")
        scalars = sorted(allowed & {"number", "boolean", "null"})
        if scalars and "string" not in allowed:
            answers.append(f"{self._json({**here, 'type': scalars} if 'anyOf' in here else here)} {end}")
        if "string" in allowed or not answers:
            answers.append(self._text(here, close))
        return writer.rule(" | ".join(answers))


def _required(schema: Mapping[str, JSON]) -> set[JSON]:
    """The properties that an object must have."""
    found = schema.get("required")
    return set(found) if isinstance(found, Sequence) else set()


def _choices(schema: Mapping[str, JSON]) -> list[str]:
    """The strings that an enumeration allows."""
    found = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    return [choice for choice in found if isinstance(choice, str)] if isinstance(found, Sequence) else []


def _literal(writer: RuleWriter, text: str) -> str:
    return writer.literal(text) if text else ""
