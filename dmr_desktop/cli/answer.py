"""A streamed answer onto a terminal: reasoning set apart, nothing that could steer the terminal."""

from collections.abc import Generator, Iterable, Iterator

from dmr_desktop.cli.live_lines import LiveLines
from dmr_desktop.cli.safe_text import safe_text
from dmr_desktop.cli.table import cut
from dmr_desktop.cli.terminal import Terminal
from dmr_desktop.client.answers import ChatChunk

_CUT_OFF = "(The answer was cut off: it reached the limit of its length.)"


def print_answer(
    chunks: Iterable[ChatChunk], terminal: Terminal, *, waiting: str = "", said: list[str] | None = None
) -> str:
    """Write the answer as it comes and return its text, as the model wrote it.

    In a pipe only the answer itself is written: reasoning and token counts are for eyes. ``waiting`` stands on the
    terminal until something comes. The text is added to ``said`` too, for who is interrupted and wants to know how
    far it came. Raises what ``chunks`` raises, after ending the line.
    """
    answer = said if said is not None else []
    thinking = False
    usage = None
    speed = 0.0
    is_cut_off = False
    last = "\n"
    try:
        for chunk in _announced(chunks, terminal, waiting):
            if chunk.reasoning and terminal.interactive:
                if not thinking:
                    terminal.data(terminal.dim("Thinking:") + "\n")
                    thinking = True
                terminal.data(terminal.dim(safe_text(chunk.reasoning)))
            if chunk.text:
                if thinking:
                    terminal.data("\n\n--\n\n")
                    thinking = False
                terminal.data(safe_text(chunk.text))
                answer.append(chunk.text)
                last = chunk.text[-1]
            usage = chunk.usage or usage
            speed = chunk.tokens_per_second or speed
            is_cut_off = is_cut_off or chunk.finish_reason == "length"
    finally:
        if last != "\n" or thinking:
            terminal.line()
        if isinstance(chunks, Generator):
            chunks.close()  # ends the request, by which the service stops generating
    if is_cut_off and terminal.interactive:
        terminal.note(terminal.dim(_CUT_OFF))
    if usage is not None and terminal.interactive:
        total = usage.prompt_tokens + usage.completion_tokens
        counts = f"{usage.prompt_tokens} prompt + {usage.completion_tokens} completion = {total} total"
        rate = f", {speed:.1f} tokens/s" if speed else ""
        terminal.note("\n" + terminal.dim(f"Token usage: {counts}{rate}"))
    return "".join(answer)


def _announced(chunks: Iterable[ChatChunk], terminal: Terminal, waiting: str) -> Iterator[ChatChunk]:
    """The chunks; until the first that holds something, ``waiting`` stands on the terminal."""
    block = LiveLines(terminal.err)
    if waiting and terminal.live:
        block.draw([terminal.dim(cut(waiting, terminal.columns))])
    try:
        for chunk in chunks:
            if chunk.text or chunk.reasoning:
                block.clear()
            yield chunk
    finally:
        block.clear()
