"""What form an answer is held to: OpenAI's ``response_format``, and llama.cpp's ``json_schema`` and ``grammar``."""

from dmr_desktop.dialects.fields import Fields
from dmr_desktop.dialects.schemas import check_schema, read_schema
from dmr_desktop.protocol.generation import Grammar, JsonObject, JsonSchema, ResponseFormat, Tool

MAX_GRAMMAR_BYTES = 64 * 1024


def read_response_format(body: Fields, tools: tuple[Tool, ...] = ()) -> ResponseFormat | None:
    """Of chats. At most one may be given, and a grammar not beside ``tools``."""
    form = _read_form(body)
    older = read_constraint(body)
    if form is not None and older is not None:
        name = "grammar" if isinstance(older, Grammar) else "json_schema"
        body.refuse(name, f"Set either 'response_format' or '{name}', not both.")
    if isinstance(older, Grammar) and tools:
        body.refuse("grammar", "Cannot use custom grammar constraints with tools.")
    return form or older


def read_constraint(body: Fields) -> ResponseFormat | None:
    """llama.cpp's two fields, in chats and in text completions."""
    schema, grammar = body.mapping("json_schema"), body.text("grammar")
    if schema and grammar:
        body.refuse("grammar", "Set either 'json_schema' or 'grammar', not both.")
    if schema:
        return JsonSchema(check_schema(schema, body.path("json_schema")))
    if not grammar:
        return None
    if len(grammar.encode("utf-8", "replace")) > MAX_GRAMMAR_BYTES:
        body.refuse("grammar", f"Invalid 'grammar': it is larger than {MAX_GRAMMAR_BYTES // 1024} KiB.")
    return Grammar(grammar)


def _read_form(body: Fields) -> ResponseFormat | None:
    """``json_object`` may carry a ``schema``, as llama.cpp's server has it."""
    form = body.inner("response_format")
    if form is None:
        return None
    kind = form.text("type")
    if kind == "text":
        return None
    if kind == "json_object":
        schema = form.mapping("schema")
        return JsonSchema(check_schema(schema, form.path("schema"))) if schema else JsonObject()
    if kind != "json_schema":
        form.refuse("type", 'response_format type must be one of "text", "json_object" or "json_schema"')
    given = form.required_inner("json_schema")
    return JsonSchema(read_schema(given), given.text("name") or "", given.flag("strict"))
