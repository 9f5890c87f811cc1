"""What the formats layer costs: a delta of an output, a template, and a megabyte that no model should write.

    python benchmarks/formats.py [FOLDER]     times FOLDER's *.jinja templates; without it those of the tests

Processor time, so other work on the machine disturbs little. Compare two versions in turns on one machine.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.prepared import Prepared
from dmr_desktop.engine.formats.spell import spelled_calls
from dmr_desktop.protocol.generation import ChatPrompt, GenerationRequest, Message, TextPart, Tool, ToolCall
from tests.fakes.fake_vocabulary import FakeVocabulary
from tests.fakes.family_templates import FAMILIES

DELTAS = 100_000
ROUNDS = 3
MEGABYTE = 1 << 20
PROSE = "The quick brown fox, at 7 < 8 o'clock, [sees](it): {a} dog.\n\nThen "
NAMES = ("hermes", "qwen3-coder", "mistral-small", "gemma-4", "minimax-m3", "gpt-oss", "llama-3", "lfm2.5")
TOOL = Tool("weather", "", {"type": "object", "properties": {"city": {"type": "string"}, "map": {"type": "object"}}})
WORDS = FakeVocabulary(("<s>", "</s>"), bos="<s>", eos="</s>")


def prepare(name: str) -> Prepared:
    prompt = ChatPrompt((Message("user", (TextPart("hi"),)),), (TOOL,))
    return ChatFormatter(WORDS, FAMILIES[name]).prepare(GenerationRequest(prompt))


def written(prepared: Prepared, value: str, key: str = "city") -> str:
    calls = prepared.chat_format.calls
    assert calls is not None
    return spelled_calls(calls, [ToolCall("abcdefgh1", "weather", json.dumps({key: value}))], lambda text: text)


def seconds(work: Callable[..., object], *arguments: object) -> float:
    begin = time.process_time()
    work(*arguments)
    return time.process_time() - begin


def feed(prepared: Prepared, pieces: Sequence[str]) -> None:
    parser = prepared.new_parser(0)
    for piece in pieces:
        parser.feed(piece)
    parser.finish("stop")


def cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def outputs(prepared: Prepared) -> dict[str, list[str]]:
    """Outputs of some ``DELTAS`` pieces of four characters, by what they hold."""
    size = 4 * DELTAS
    prose = cut((PROSE * (size // len(PROSE) + 1))[:size], 4)
    reasoning = prepared.chat_format.reasoning
    answer = [reasoning.end] if reasoning and prepared.reasoning_open else []
    think = [reasoning.start] if reasoning and not prepared.reasoning_open else []
    call = written(prepared, "Bonn")
    return {
        "content": answer + prose,
        **({"reasoning": think + prose} if reasoning else {}),
        "long argument": answer + cut(written(prepared, "abc " * DELTAS), 4),
        "small calls": answer + cut(call * (size // len(call)), 4),
    }


def throughput() -> None:
    print(f"Microseconds for a delta of four characters, best of {ROUNDS} rounds of {DELTAS}:")
    for name in NAMES:
        prepared = prepare(name)
        for kind, pieces in outputs(prepared).items():
            best = min(seconds(feed, prepared, pieces) for _ in range(ROUNDS))
            print(f"  {name:14} {kind:14} {best / len(pieces) * 1e6:6.2f}", flush=True)


def megabytes() -> None:
    print("Seconds for a megabyte in pieces of three characters:")
    for name in NAMES:
        prepared = prepare(name)
        calls = prepared.chat_format.calls
        start = (calls.section_start + calls.call_start if calls else "") or "{"
        value = written(prepared, "MARK").partition("MARK")[0]
        texts = {
            "'<'": "<" * MEGABYTE,
            "blanks": " " * MEGABYTE,
            "starts of calls": start * (MEGABYTE // len(start)),
            "an argument without an end": value + "<" * MEGABYTE,
        }
        for kind, text in texts.items():
            print(f"  {name:14} {kind:28} {seconds(feed, prepared, cut(text, 3)):6.2f}", flush=True)


def learning(folder: Path | None) -> None:
    sources = FAMILIES if folder is None else {path.stem: path.read_text("utf-8") for path in folder.glob("*.jinja")}
    times = {
        name: min(seconds(ChatFormatter, WORDS, source) for _ in range(ROUNDS)) for name, source in sources.items()
    }
    worst = max(times, key=lambda name: times[name])
    print(
        f"Milliseconds to learn a template, {len(times)} of them: median {median(times.values()) * 1e3:.1f}, "
        f"most {times[worst] * 1e3:.1f} ({worst})"
    )


if __name__ == "__main__":
    learning(Path(sys.argv[1]) if sys.argv[1:] else None)
    throughput()
    megabytes()
