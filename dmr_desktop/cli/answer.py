"""A streamed answer onto a terminal: reasoning set apart, nothing that could steer the terminal."""

from collections.abc import Generator, Iterable

from dmr_desktop.cli.safe_text import safe_text
from dmr_desktop.cli.terminal import Terminal
from dmr_desktop.client.answers import ChatChunk


def print_answer(chunks: Iterable[ChatChunk], terminal: Terminal) -> str:
    """Write the answer as it comes and return its text, as the model wrote it.

    In a pipe only the answer itself is written: reasoning and token counts are for eyes. Raises what
    ``chunks`` raises, after ending the line.
    """
    answer: list[str] = []
    thinking = False
    usage = None
    last = "\n"
    try:
        for chunk in chunks:
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
    finally:
        if last != "\n" or thinking:
            terminal.line()
        if isinstance(chunks, Generator):
            chunks.close()  # ends the request, by which the service stops generating
    if usage is not None and terminal.interactive:
        total = usage.prompt_tokens + usage.completion_tokens
        counts = f"{usage.prompt_tokens} prompt + {usage.completion_tokens} completion = {total} total"
        terminal.note("\n" + terminal.dim(f"Token usage: {counts}"))
    return "".join(answer)
