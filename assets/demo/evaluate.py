"""Measures the demo model per skill on held-out phrasings, names and values, with greedy decoding.

``--gguf FILE`` runs the exported file through llama-cpp-python; with ``--engine`` through the product's own engine,
which holds calls to the offered tools as it does for everybody. ``--work FOLDER`` runs the torch checkpoint. All judge
the same conversations: the held-out side of the corpus (see ``corpus``), from a seed that training never uses. With
``--blind`` they judge the conversations of ``heldout.jsonl`` instead, which were written by hand without a look at the
corpus.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from corpus import (
    EVALUATED,
    EXTRA_FACTS,
    INTENTS,
    Check,
    Composer,
    Sample,
    assistant,
    canonical,
    render_text,
)

CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
Generate = Callable[[Sample], str]
"""Answers the last turn of a conversation."""
LIMIT = 420
BLIND = Path(__file__).with_name("heldout.jsonl")


def calls_in(text: str) -> tuple[tuple[str, str], ...] | None:
    """The tool calls in an answer, or None if one of them is not valid."""
    calls = []
    for body in CALL.findall(text):
        try:
            call = json.loads(body)
            calls.append((call["name"], canonical(call["arguments"])))
        except (ValueError, KeyError, TypeError):
            return None
    return tuple(calls)


def right(sample: Sample, answer: str) -> bool:
    """Whether an answer is what the conversation asked for."""
    check = sample.check
    calls = calls_in(answer)
    if check.calls:
        return calls == check.calls
    if calls != () or "<tool_" in answer:
        return False
    if check.exact is not None:
        if check.exact.startswith("{"):
            try:
                return bool(json.loads(answer) == json.loads(check.exact))
            except ValueError:
                return False
        return answer.strip() == check.exact.strip()
    return all(part in answer for part in check.contains)


def from_text(generate: Callable[[str, int], str]) -> Generate:
    """For what goes on with a text, by so many tokens at most."""
    return lambda sample: generate(render_text(sample, to_answer=True), LIMIT)


def with_gguf(path: Path) -> Generate:
    """Answers from llama.cpp, through llama-cpp-python's plain completion of token ids."""
    import llama_cpp

    llama: Any = llama_cpp.Llama(str(path), n_ctx=4096, n_threads=1, n_threads_batch=1, verbose=False, logits_all=False)

    def generate(prompt: str, limit: int) -> str:
        tokens = llama.tokenize(prompt.encode(), add_bos=False, special=True)
        out: list[int] = []
        llama.reset()
        for token in llama.generate(tokens, temp=0.0, repeat_penalty=1.0):
            if token == llama.token_eos() or len(out) >= limit:
                break
            out.append(token)
        return str(llama.detokenize(out).decode(errors="replace"))

    return from_text(generate)


def with_engine(path: Path) -> Generate:
    """Answers as a client of the product gets them, the text of calls included."""
    from dmr_desktop.dialects import openai_chat
    from dmr_desktop.engine.api import SequenceRequest
    from dmr_desktop.engine.engine import Engine
    from dmr_desktop.engine.formats.chat import ChatFormatter
    from dmr_desktop.engine.llama import Model

    model = Model.load(path, gpu_layers=0)
    engine = Engine.open(model, context_size=4096, num_sequences=1, threads=1)
    formatter = ChatFormatter(model.vocabulary, model.chat_template())

    def generate(sample: Sample) -> str:
        body = {"model": "demo", "messages": sample.messages[:-1], "temperature": 0, "max_tokens": LIMIT}
        request = openai_chat.parse(body | ({"tools": sample.tools} if sample.tools else {})).requests[0]
        prepared = formatter.prepare(request)
        calls = prepared.calls and (prepared.calls.watching, engine.compile_later(prepared.calls.write_grammar))
        engine.submit(
            SequenceRequest(
                1,
                prepared.tokens,
                request.sampling,
                request.max_tokens,
                visible_tokens=prepared.visible_tokens,
                calls=calls,
            )
        )
        text = ""
        while not engine.is_idle:
            for output in engine.step():
                if output.error is not None:
                    raise RuntimeError(output.error.message)
                text += output.text
        return text

    return generate


def with_checkpoint(work: Path) -> Generate:
    """Answers from the torch checkpoint's averaged weights."""
    import tokenizer as vocabulary
    import torch
    from model import DemoModel, Shape

    torch.set_num_threads(1)
    state = torch.load(work / "checkpoint.pt", weights_only=True)
    model = DemoModel(Shape(**state["shape"]))
    model.load_state_dict(state["average"])
    tok = vocabulary.load(work / "tokenizer.json")
    stop = tok.token_to_id("<|im_end|>")
    assert stop is not None

    def generate(prompt: str, limit: int) -> str:
        ids = model.generate(tok.encode(prompt, add_special_tokens=False).ids, stop, limit)
        return str(tok.decode(ids, skip_special_tokens=False))

    return from_text(generate)


def composed(skill: str, count: int, seed: int) -> Iterator[Sample]:
    """Conversations of one skill from the held-out side of the corpus."""
    composer = Composer(seed, "heldout")
    while count > 0:
        sample = composer.sample(skill)
        if (skill == "structured" and sample.skill != "structured") or not (
            sample.check.exact or sample.check.contains or sample.check.calls
        ):
            continue
        count -= 1
        yield sample


def written(path: Path = BLIND) -> dict[str, list[Sample]]:
    """Hand-written conversations by skill, one JSON object per line.

    ``messages`` end where the model has to answer. ``expect`` is one of ``fact`` (the key phrases of that fact),
    ``contains`` (texts), ``text`` (the whole answer), ``json`` (the whole answer) and ``calls``.
    """
    keys = {intent.name: intent.keys for intent in (*INTENTS, *EXTRA_FACTS)}
    samples: dict[str, list[Sample]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        match case["expect"]:
            case {"fact": name}:
                check = Check(contains=keys[name])
            case {"contains": parts}:
                check = Check(contains=tuple(parts))
            case {"text": text}:
                check = Check(exact=text)
            case {"json": value}:
                check = Check(exact=canonical(value))
            case {"calls": calls}:
                check = Check(calls=tuple((call["name"], canonical(call["arguments"])) for call in calls))
            case other:
                raise ValueError(f"heldout.jsonl: no such expectation: {other}")
        tools = [{"type": "function", "function": tool} for tool in case.get("tools", ())]
        sample = Sample([*case["messages"], assistant("")], tools, case["skill"], check)
        samples.setdefault(sample.skill, []).append(sample)
    return samples


def fill_turns(generate: Generate, sample: Sample) -> Sample:
    """The conversation with the model's own answers between turns of the user that follow each other."""
    messages: list[dict[str, Any]] = []
    for message in sample.messages:
        if message["role"] == "user" and messages and messages[-1]["role"] == "user":
            so_far = replace(sample, messages=[*messages, assistant("")])
            messages.append(assistant(generate(so_far)))
        messages.append(message)
    return replace(sample, messages=messages)


def judge(generate: Generate, skill: str, samples: Iterable[Sample], show: int) -> tuple[int, int]:
    """Right answers and questions; prints the figure, and ``show`` wrong answers."""
    good = done = shown = 0
    for given in samples:
        sample = fill_turns(generate, given)
        answer = generate(sample)
        done += 1
        ok = right(sample, answer)
        good += ok
        if not ok and shown < show:
            shown += 1
            asked = next(m["content"] for m in reversed(sample.messages[:-1]) if m["role"] in ("user", "tool"))
            wanted = sample.check.exact or sample.check.contains or sample.check.calls
            print(f"  [{skill}] {asked!r}\n      wanted {wanted!r}\n      got    {answer!r}", flush=True)
    print(f"{skill:12} {good:4}/{done:<4} {100 * good / done:5.1f} %", flush=True)
    return good, done


def evaluate(
    generate: Generate, count: int, seed: int, skills: tuple[str, ...], show: int
) -> dict[str, tuple[int, int]]:
    """Right answers and questions per skill, on the held-out side of the corpus."""
    return {
        skill: judge(
            generate, skill, composed(skill, max(8, count // 5) if skill in ("story", "count") else count, seed), show
        )
        for skill in skills
    }


def evaluate_blind(generate: Generate, skills: tuple[str, ...], show: int) -> dict[str, tuple[int, int]]:
    """Right answers and questions per skill, on ``heldout.jsonl``; all its skills if none is named."""
    samples = written()
    return {skill: judge(generate, skill, samples[skill], show) for skill in skills or samples}


def main() -> None:
    """Evaluate a GGUF file or a checkpoint."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--gguf", type=Path)
    source.add_argument("--work", type=Path)
    parser.add_argument("--engine", action="store_true", help="run the file in the product's engine")
    parser.add_argument(
        "--count", type=int, default=200, help="questions per skill (a fifth of it for count and story)"
    )
    parser.add_argument("--seed", type=int, default=424242)
    parser.add_argument("--skills", default="", help="some skills, with commas between them (default: all)")
    parser.add_argument("--blind", action="store_true", help="judge heldout.jsonl instead of the corpus")
    parser.add_argument("--show", type=int, default=0, help="print this many wrong answers per skill")
    options = parser.parse_args()
    if options.gguf:
        generate = (with_engine if options.engine else with_gguf)(options.gguf)
    else:
        generate = with_checkpoint(options.work)
    started = time.monotonic()
    skills = tuple(filter(None, options.skills.split(",")))
    if options.blind:
        figures = evaluate_blind(generate, skills, options.show)
    else:
        figures = evaluate(generate, options.count, options.seed, skills or EVALUATED, options.show)
    good, done = (sum(pair[i] for pair in figures.values()) for i in (0, 1))
    print(f"{'all':12} {good:4}/{done:<4} {100 * good / done:5.1f} %   {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
