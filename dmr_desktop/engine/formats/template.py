"""A chat template: template-shaped messages in, prompt text out.

Owns the compiled template and the variables every template finds. It does not know the protocol's
messages (:mod:`.messages` shapes them) nor what the text means.
"""

import copy
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from jinja2 import Template
from jinja2.exceptions import TemplateError, TemplateSyntaxError

from dmr_desktop.engine.formats.sandbox import (
    MAX_OUTPUT,
    MAX_SOURCE,
    Given,
    TemplateEnvironment,
    TemplateRefused,
    TemplateTooCostly,
    to_json,
)
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.json_types import JSON

TemplateMessage: TypeAlias = "dict[str, Any]"
"""One message in the shape that templates read: role, content, tool_calls, ..."""

RESERVED_VARIABLES = frozenset(("messages", "tools", "functions", "bos_token", "eos_token", "add_generation_prompt"))

IN_SYSTEM_MESSAGE = "messages[0].tools"

DEFAULT_TEMPLATE = """\
{%- for message in messages -%}
{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""
"""ChatML, for models that come without a template of their own."""

_EMPTY_SYSTEM: TemplateMessage = {"role": "system", "content": ""}
_PROBE = "ProbeQz"
_HINT = "Check the model's chat template, or give another one when the model is configured."


class ChatTemplate:
    """One compiled template. Not re-entrant. Raises :class:`InvalidRequest` on everything that goes wrong in it."""

    def __init__(
        self,
        source: str,
        *,
        bos_token: str = "",
        eos_token: str = "",
        clock: Callable[[], datetime] = datetime.now,
    ) -> None:
        self.source = source
        self._bos_token = bos_token
        self._eos_token = eos_token
        self._clock = clock
        self._environment = TemplateEnvironment()
        self._template, reads = _compile(self._environment, source)
        self.reads = reads
        """The variables that the template looks for, among others that it sets itself."""
        self.tools_name = "tools"
        """The variable in which tools are given; IN_SYSTEM_MESSAGE: that field of the system message."""
        self._takes_parts_only = False
        self._takes_parts_only = self._wants_parts()

    def render(
        self,
        messages: Sequence[TemplateMessage],
        tools: Sequence[Mapping[str, Any]] = (),
        *,
        add_generation_prompt: bool = True,
        variables: Mapping[str, JSON] | None = None,
    ) -> str:
        """The prompt text. ``tools`` in OpenAI's shape; ``variables`` are the request's template kwargs.

        Deep copies go in, so a template that changes its messages spoils nothing.
        """
        if self._takes_parts_only:
            messages = [_in_parts(message) for message in messages]
        now = self._clock()
        values: dict[str, Any] = {
            "enable_thinking": True,
            # The names and forms that llama.cpp offers; without them some templates print a date of 2024.
            "date_string": now.strftime("%d %b %Y"),
            "datetime": now.strftime("%b %d %Y"),
            "strftime_now": lambda form: _formatted(now, form),
        }
        values |= variables or {}
        if tools and self.tools_name == IN_SYSTEM_MESSAGE:
            messages = _with_tools_in_system(messages, tools)
        values |= {
            "messages": Given(copy.deepcopy(list(messages))),
            "bos_token": self._bos_token,
            "eos_token": self._eos_token,
            "add_generation_prompt": add_generation_prompt,
        }
        if "functions" in self.source:
            values["functions"] = to_json(tools, indent=4) if tools else ""
        # Left out rather than None: several templates loop over it without asking.
        if tools and self.tools_name != IN_SYSTEM_MESSAGE:
            values[self.tools_name] = copy.deepcopy(list(tools))
        return self._run(values)

    def _wants_parts(self) -> bool:
        """Some templates for images only look at a list of parts and lose a plain string."""
        message: TemplateMessage = {"role": "user", "content": _PROBE}
        try:
            return _PROBE not in self.render([message]) and _PROBE in self.render([_in_parts(message)])
        except InvalidRequest:
            return False

    def _run(self, values: dict[str, Any]) -> str:
        self._environment.start()
        pieces = []
        size = 0
        try:
            for piece in self._template.generate(values):
                pieces.append(piece)
                size += len(piece)
                if size > MAX_OUTPUT:
                    raise TemplateTooCostly("the template makes too long a prompt")
        except TemplateRefused as error:
            raise InvalidRequest(
                f"The model's chat template refuses this conversation: {error.message}",
                hint="Change the order or the roles of the messages as it asks.",
                param="messages",
            ) from None
        # A template is foreign code: whatever it trips over is its own failure, not ours.
        except Exception as error:
            line = _line(error)
            where = f" (line {line})" if line else ""
            text = error.message if isinstance(error, TemplateError) and error.message else str(error)
            raise InvalidRequest(
                f"The model's chat template failed{where}: {text or type(error).__name__}",
                hint=_HINT,
                param="messages",
                evidence=type(error).__name__,
            ) from None
        return "".join(pieces)


def _with_tools_in_system(
    messages: Sequence[TemplateMessage], tools: Sequence[Mapping[str, Any]]
) -> list[TemplateMessage]:
    first, *others = messages if messages and messages[0]["role"] == "system" else [_EMPTY_SYSTEM, *messages]
    return [{**first, "tools": to_json([tool.get("function", tool) for tool in tools])}, *others]


def _in_parts(message: TemplateMessage) -> TemplateMessage:
    content = message.get("content")
    if not isinstance(content, str):
        return message
    return {**message, "content": [{"type": "text", "text": content}] if content else []}


def _compile(environment: TemplateEnvironment, source: str) -> tuple[Template, frozenset[str]]:
    if len(source) > MAX_SOURCE:
        raise InvalidRequest(f"The model's chat template is too large ({len(source)} characters)", hint=_HINT)
    try:
        code, reads = environment.compile_bounded(source)
        return Template.from_code(environment, code, environment.make_globals(None)), reads
    except TemplateSyntaxError as error:
        raise InvalidRequest(
            f"The model's chat template has an error in line {error.lineno}: {error.message}", hint=_HINT
        ) from None
    except (TemplateError, RecursionError, MemoryError, SyntaxError, ValueError) as error:
        raise InvalidRequest(f"The model's chat template does not compile: {error}", hint=_HINT) from None


def _formatted(now: datetime, form: object) -> str:
    # The C library pads as far as it is told to.
    if not isinstance(form, str) or len(form) > 200 or re.search(r"%[^a-zA-Z%]*\d{2}", form):
        raise TemplateTooCostly("the template wants a strange form of the date")
    return now.strftime(form)


def _line(error: BaseException) -> int | None:
    """The template's line: Jinja rewrites tracebacks so that its frames carry the template's line numbers."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<template>"]
    return lines[-1] if lines else None
