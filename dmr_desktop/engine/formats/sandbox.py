"""The Jinja environment in which a model's own chat template runs, and the bounds of what it may cost.

A template comes out of a downloaded file and is not trusted. Jinja's sandbox stops it from reaching
Python; this adds what Jinja leaves open: loops that never end, strings that never stop growing. It
knows nothing of messages or models.
"""

import json
import re
import time
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

from jinja2 import ChainableUndefined, Undefined, meta, nodes
from jinja2.exceptions import TemplateRuntimeError
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

MAX_OUTPUT = 4 * 1024 * 1024
MAX_SOURCE = 1024 * 1024
MAX_SECONDS = 2.0
"""Of computing: a busy machine makes no template longer."""
MAX_STEPS = 1_000_000
"""Loop turns and macro calls in one rendering; a long conversation takes a few thousand."""
MAX_NUMBER = 100_000
"""Largest number that a filter or a call takes: widths, counts, the length of a range."""
MAX_EXPONENT = 64

_WIDE_FORMAT = re.compile(r"[%{:][^a-zA-Z%{}]*(\d{5,}|\*)")
_PADDING_METHODS = frozenset(("center", "expandtabs", "format", "format_map", "ljust", "rjust", "zfill"))
_PADDING_FILTERS = ("batch", "center", "format", "indent", "slice", "tojson", "wordwrap")


class Given(list[Any]):
    """A list that the template did not make itself."""


class TemplateTooCostly(TemplateRuntimeError):
    """The template wants more time or memory than a chat template needs."""


class TemplateRefused(TemplateRuntimeError):
    """The template itself refused the conversation, through ``raise_exception``."""


class _Missing(ChainableUndefined):
    """What is not there is empty text, whatever a template asks of it: a tool without a description is no error."""

    def __add__(self, other: Any) -> Any:
        return other

    __radd__ = __add__


class _Generation(Extension):
    """``{% generation %}...{% endgeneration %}`` marks training targets; here the body is just rendered."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


class _Bounds(NodeTransformer):
    """Puts a step counter into every loop and macro, and a size check into every ``~``."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja dispatches on these names
        self.generic_visit(node)
        node.body.insert(0, _call("step", []))
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.body.insert(0, _call("step", []))
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        call = nodes.Call(nodes.EnvironmentAttribute("concatenate"), node.nodes, [], None, None)
        return call.set_lineno(node.lineno)


def _call(name: str, arguments: list[nodes.Expr]) -> nodes.Node:
    return nodes.ExprStmt(nodes.Call(nodes.EnvironmentAttribute(name), arguments, [], None, None)).set_lineno(1)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """What chat templates expect of Jinja, as transformers sets it up. Not re-entrant: one rendering at a time."""

    intercepted_binops = frozenset(("*", "**", "%", "+"))

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_Generation, loopcontrols],
            undefined=_Missing,
        )
        self.filters["tojson"] = to_json
        for name, function in self.filters.items():
            self.filters[name] = _bounded(function, name in _PADDING_FILTERS)
        self.globals["raise_exception"] = _raise_exception
        del self.globals["lipsum"]
        self._steps = 0
        self._deadline = 0.0

    def compile_bounded(self, source: str) -> tuple[Any, frozenset[str]]:
        """Code for ``Template.from_code``, and the variables that the template looks for, among others its own.

        Raises jinja2's TemplateSyntaxError.
        """
        # One tree for both: parsing is a good part of what it takes to load a model's template.
        tree = self.parse(source)
        reads = frozenset(meta.find_undeclared_variables(tree))
        return self.compile(_Bounds().visit(tree), filename="<template>"), reads

    def start(self) -> None:
        """Resets the bounds; call before each rendering."""
        self._steps = 0
        self._deadline = time.thread_time() + MAX_SECONDS

    def step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS or (self._steps % 256 == 0 and time.thread_time() > self._deadline):
            raise TemplateTooCostly("the template takes too long")

    def concatenate(self, *values: Any) -> str:
        text = "".join([str(value) for value in values])
        _sized(text)
        return text

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "*":
            _check_repeat(left, right)
            _check_repeat(right, left)
        elif operator == "**":
            if not isinstance(right, int | float) or abs(right) > MAX_EXPONENT:
                raise TemplateTooCostly("the template computes too large a power")
        elif operator == "%" and isinstance(left, str) and _WIDE_FORMAT.search(left):
            raise TemplateTooCostly("the template pads a text too far")
        return _sized(super().call_binop(context, operator, left, right))

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        # Some templates collect messages in a list of their own; the data is a fresh copy each time.
        if attr == "append" and isinstance(obj, list):
            return True
        # Others keep a queue; what was given to them stays whole.
        if attr == "pop" and isinstance(obj, list) and not isinstance(obj, Given):
            return True
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        if getattr(value, "__name__", "") in ("format", "format_map"):
            text = getattr(value, "__self__", None)
            if isinstance(text, str) and _WIDE_FORMAT.search(text):
                raise TemplateTooCostly("the template pads a text too far")
        return super().wrap_str_format(value)

    # Jinja names these so: double underscores keep them apart from the template's own arguments.
    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        if getattr(__obj, "__name__", "") in _PADDING_METHODS:
            _check_numbers(args, kwargs)
        return _sized(super().call(__context, __obj, *args, **kwargs))


def to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """``|tojson`` as models were trained on it: no HTML escapes, keys in their own order, UTF-8 as it is."""
    return json.dumps(
        value if not hasattr(value, "__next__") else list(value),
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
        default=_plain,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Undefined):
        return None
    return list(value) if hasattr(value, "__next__") else str(value)


def _raise_exception(message: object) -> NoReturn:
    raise TemplateRefused(str(message))


def _bounded(function: Callable[..., Any], pads: bool) -> Callable[..., Any]:
    # wraps() also copies the marks by which Jinja knows which filters want its context.
    @wraps(function)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        if pads:
            _check_numbers(args[1:], kwargs)
            if function.__name__ == "do_format" and _WIDE_FORMAT.search(str(args[0])):
                raise TemplateTooCostly("the template pads a text too far")
        return _sized(function(*args, **kwargs))

    return bounded


def _check_numbers(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    for value in (*args, *kwargs.values()):
        if isinstance(value, int) and abs(value) > MAX_NUMBER:
            raise TemplateTooCostly(f"the template uses too large a number ({value:.3g})")


def _check_repeat(value: Any, times: Any) -> None:
    if isinstance(value, str | list | tuple) and isinstance(times, int) and len(value) * times > MAX_OUTPUT:
        raise TemplateTooCostly("the template repeats a text too often")


def _sized(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_OUTPUT:
        raise TemplateTooCostly("the template makes too long a text")
    return value
