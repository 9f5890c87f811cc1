"""What an answer must look like. A grammar is written only where something is demanded: free text pays nothing."""

from dataclasses import replace

from dmr_desktop.engine.formats.call_marks import marks_of
from dmr_desktop.engine.formats.chat_format import CallBody, CallSyntax, ChatFormat, NestedValues, TaggedCall
from dmr_desktop.engine.formats.grammar_writer import GrammarWriter, Split, Thinking
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, NamedTool, Tool, ToolChoice


def answer_grammar(
    request: GenerationRequest, chat_format: ChatFormat, thinking: Thinking, split: Split, *, call_open: bool = False
) -> str | None:
    """The grammar of the whole output of ``request``, or None when nothing is demanded.

    ``call_open``: the prompt ends with what starts a call. Raises :class:`InvalidRequest` for schemas that cannot be
    enforced, naming the field.
    """
    tools = callable_tools(request)
    choice = request.prompt.tool_choice if isinstance(request.prompt, ChatPrompt) else "none"
    writer = GrammarWriter(split)
    answers = []
    if chat_format.calls and tools and (choice != "auto" or request.response_format or chat_format.content):
        several = _several(request, chat_format.calls)
        start = writer.literal("" if call_open else chat_format.calls.start)
        answers.append(writer.calls(chat_format.calls, tools, start, several=several))
    if request.response_format and (not tools or choice == "auto"):
        start = chat_format.answer_start if isinstance(request.prompt, ChatPrompt) else ""
        answers.append(" ".join([writer.literal(start), writer.response(request.response_format)]))
    elif answers and choice == "auto" and chat_format.content:
        answers.append(writer.wrapped(chat_format.content))
    if not answers:
        return None
    reasoning = chat_format.reasoning if isinstance(request.prompt, ChatPrompt) else None
    return writer.finish(answers, reasoning, thinking)


def free_call_grammar(
    request: GenerationRequest, chat_format: ChatFormat, split: Split, *, call_open: bool = False
) -> str | None:
    """The grammar of calls that the model starts by itself, from the token in which their first mark begins.

    As :func:`answer_grammar` has them, but properties come in any order, and never an error: what of a tool's schema
    cannot be enforced is left open. None when nothing can be said of the calls.
    """
    syntax = chat_format.calls
    tools = callable_tools(request)
    if syntax is None or not tools:
        return None
    writer = GrammarWriter(split, in_any_order=True)
    entries = [] if call_open else [writer.entry(mark) for mark in marks_of(chat_format)]
    try:
        tools = tuple(_what_can_be_enforced(tool, syntax.body) for tool in tools)
        start = f"({' | '.join(entries)})" if entries else ""
        several = _several(request, syntax)
        calls = writer.calls(syntax, tools, start, several=several, is_channelled=chat_format.is_channelled)
    except InvalidRequest:
        return None
    return writer.finish([calls], None, "off")


def _what_can_be_enforced(tool: Tool, body: CallBody) -> Tool:
    """The tool, its schema open if that cannot be enforced. Raises InvalidRequest if that cannot be written."""
    tool = replace(tool, strict=False)
    try:
        GrammarWriter(lambda text: [text]).json(tool.parameters, "")
    except InvalidRequest:
        tool = replace(tool, parameters={"type": "object"})
    has_tags_by_key = isinstance(body, TaggedCall) and isinstance(body.values, NestedValues)
    if has_tags_by_key and tool.parameters and "properties" not in tool.parameters:
        raise InvalidRequest("Tags of unknown keys cannot be written.")
    return tool


def callable_tools(request: GenerationRequest) -> tuple[Tool, ...]:
    """The tools that the model may call in its answer. Raises :class:`InvalidRequest`."""
    if not isinstance(request.prompt, ChatPrompt) or request.prompt.tool_choice == "none":
        return ()
    tools, choice = request.prompt.tools, request.prompt.tool_choice
    if isinstance(choice, NamedTool):
        tools = tuple(tool for tool in tools if tool.name == choice.name)
        if not tools:
            raise InvalidRequest(
                f"The tool {choice.name!r} is not among the tools.", hint="Name one that is.", param="tool_choice"
            )
    if choice == "required" and not tools:
        raise InvalidRequest(
            "A tool call is required but no tools were sent.",
            hint="Send tools, or drop tool_choice.",
            param="tool_choice",
        )
    return tools


def _several(request: GenerationRequest, calls: CallSyntax) -> bool:
    prompt = request.prompt
    return (
        isinstance(prompt, ChatPrompt)
        and prompt.parallel_tool_calls
        and calls.parallel
        and not _is_named(prompt.tool_choice)
    )


def _is_named(choice: ToolChoice) -> bool:
    return isinstance(choice, NamedTool)
