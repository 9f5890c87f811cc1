"""Formats that a template talks about but does not show in its renderings.

A row applies where the template holds all of its signs and nothing was learned; never by a model's name.
"""

from dataclasses import dataclass, replace

from dmr_desktop.engine.formats.chat_format import (
    USUAL_CALL,
    CallSyntax,
    ChatFormat,
    Literally,
    QuotedValues,
    TaggedCall,
)
from dmr_desktop.engine.formats.probe import Traits

_PYTHON = TaggedCall(("name", Literally("(")), "", "=", "", ", ", QuotedValues('"'))


@dataclass(frozen=True, slots=True)
class _Row:
    signs: tuple[str, ...]
    calls: CallSyntax


_ROWS = (
    _Row(
        ("<tool_call>", "</tool_call>"),
        CallSyntax(USUAL_CALL, call_start="<tool_call>\n", call_end="\n</tool_call>", separator="\n"),
    ),
    _Row(
        ("<|tool_call|>", "<|/tool_call|>"),
        CallSyntax(USUAL_CALL, section_start="<|tool_call|>[", section_end="]<|/tool_call|>", separator=", "),
    ),
    # The model writes the pair of the markers in which the template gives it the tools.
    _Row(
        ("<|tool|>", "<|/tool|>"),
        CallSyntax(USUAL_CALL, section_start="<|tool_call|>[", section_end="]<|/tool_call|>", separator=", "),
    ),
    _Row(("<|tool_call|>",), CallSyntax(USUAL_CALL, section_start="<|tool_call|>[", section_end="]", separator=", ")),
    *(
        _Row(
            (sign,),
            CallSyntax(
                _PYTHON,
                section_start="<|tool_call_start|>[",
                section_end="]<|tool_call_end|>",
                call_end=")",
                separator=", ",
            ),
        )
        for sign in ("<|tool_list_start|>", "<|tool_call_start|>", "List of tools: [")
    ),
)

_CHANNELS = ("<|channel|>", "<|message|>", "<|start|>assistant", "functions.")


def completed(found: ChatFormat, source: str, traits: Traits) -> ChatFormat:
    """``found``, with what the template's text says beyond what it shows."""
    if found.calls is None and traits.reads_tools:
        row = next((row for row in _ROWS if all(sign in source for sign in row.signs)), None)
        if row:
            found = replace(found, origin="known by what the template says of them", calls=row.calls)
    if found.calls and all(sign in source for sign in _CHANNELS):
        found = replace(found, is_channelled=True)
    if "<response>" in source and "</response>" in source and not found.answer_start:
        found = replace(found, answer_start="<response>", answer_end="</response>")
    return found
