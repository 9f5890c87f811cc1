"""Names, quantities, sentences and snippets: what the user reads."""

import json
import shlex
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtGui import QFont, QTextLayout
from PySide6.QtWidgets import QApplication

from dmr_desktop.desktop.access_wording import tcp_sentence
from dmr_desktop.desktop.names import canonical, familiar, printable
from dmr_desktop.desktop.panel.widgets import NO_BREAK_SPACE, WORD_JOINER, unbroken
from dmr_desktop.desktop.problems import problem_from_reply
from dmr_desktop.desktop.quantities import (
    UNKNOWN,
    format_bytes,
    format_number,
    format_percent,
    format_seconds,
    format_share,
)
from dmr_desktop.desktop.snippets import snippets
from dmr_desktop.desktop.sorting import natural, parameter_count
from dmr_desktop.desktop.state import DesktopState, Link, apply
from dmr_desktop.desktop.trial import answer_text
from dmr_desktop.desktop.wording import (
    MAX_TOOLTIP,
    as_sentence,
    clock_time,
    endpoint_word,
    headline,
    pull_details,
    runner_details,
    status_line,
    tooltip,
)
from dmr_desktop.protocol.notices import PullStatus, TcpStatus
from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus
from dmr_desktop.protocol.wire import dump
from tests.fakes.fake_service import empty_snapshot

CONNECTED = apply(DesktopState(), "snapshot", dump(empty_snapshot(Path("/run/dmr.sock"))))
MIB = 1024**2


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("docker.io/ai/smollm2:latest", "ai/smollm2"),
        ("docker.io/ai/qwen3:8B-Q4_K_M", "ai/qwen3:8B-Q4_K_M"),
        ("huggingface.co/owner/model:latest", "huggingface.co/owner/model"),
        ("ai/evil\u202e\x1b[31m", "ai/evil\ufffd\ufffd[31m"),
    ],
)
def test_familiar(reference: str, name: str) -> None:
    assert familiar(reference) == name


@pytest.mark.parametrize(
    "spelling", ["smollm2", "ai/smollm2", " ai/smollm2:latest", "docker.io/ai/smollm2", "AI/SmolLM2"]
)
def test_spellings_of_one_model(spelling: str) -> None:
    assert canonical(spelling) == "docker.io/ai/smollm2:latest"


def test_other_registries_and_digests_are_kept() -> None:
    assert canonical("localhost:5000/x") == "localhost:5000/x:latest"
    assert canonical("ai/x@sha256:AB") == "docker.io/ai/x@sha256:AB"
    assert canonical("sha256:ab") == "sha256:ab"


def test_long_foreign_text_is_cut() -> None:
    assert len(printable("x" * 5000, 600)) == 600
    assert printable("two\nlines") == "two\nlines"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, UNKNOWN),
        (-1, UNKNOWN),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 KiB"),
        (256 * MIB, "256 MiB"),
        (5 * 1024**4, "5.0 TiB"),
    ],
)
def test_format_bytes(size: int | None, text: str) -> None:
    assert format_bytes(size) == text


def test_unknown_is_never_zero() -> None:
    assert format_percent(None) == UNKNOWN
    assert format_share(None, 5) == UNKNOWN
    assert format_share(512 * MIB, 2048 * MIB) == "0.5 / 2.0 GiB"
    assert format_share(512 * MIB, None) == "512 MiB"


@pytest.mark.parametrize(("seconds", "text"), [(-3, "0 s"), (59.4, "59 s"), (75, "1 min 15 s"), (3700, "1 h 01 min")])
def test_format_seconds(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_pull_details() -> None:
    pull = PullStatus("x", "running", 512 * MIB, 1024 * MIB, 64 * MIB)
    assert pull_details(pull) == "0.5 / 1.0 GiB · 64.0 MiB/s · 8 s left"
    assert pull_details(replace(pull, bytes_per_second=0.0)) == "0.5 / 1.0 GiB · nothing arrives at the moment"
    assert pull_details(replace(pull, bytes_per_second=0.0, current_bytes=pull.total_bytes)) == "1.0 / 1.0 GiB"
    assert pull_details(PullStatus("x", "running")) == "Asking the registry…"


def test_tooltip_fits_windows() -> None:
    error = "port 12434 is in use by " + "x" * 300
    assert len(tooltip(replace(CONNECTED, tcp=TcpStatus(True, False, 12434, error=error)))) <= MAX_TOOLTIP
    open_ = replace(CONNECTED, tcp=TcpStatus(True, True, 12434))
    assert tooltip(open_) == "DMR Desktop: Ready, no model loaded · port 12434 open"


def test_status_lines() -> None:
    busy = RunnerStatus("llama.cpp", "sha256:a", "ai/x", Mode.COMPLETION, RunnerState.READY, active_requests=2)
    assert status_line(replace(CONNECTED, runners=(replace(busy, active_requests=0),))) == "Ready, 1 model loaded"
    assert status_line(replace(CONNECTED, runners=(busy,))) == "2 requests running"
    pulls = (PullStatus("docker.io/ai/x:latest", "running", 1, 2), PullStatus("b", "running"))
    assert status_line(replace(CONNECTED, pulls=pulls)) == "Pulling ai/x · 50 % · 1 more"


def test_the_headline_does_not_repeat_its_pill_or_the_banner() -> None:
    pulls = (PullStatus("docker.io/ai/x:latest", "running", 1, 2),)
    assert headline(replace(CONNECTED, pulls=pulls)) == "ai/x · 50 %"
    assert headline(CONNECTED) == "No model loaded"
    assert headline(replace(CONNECTED, link=Link.STOPPED)) == ""
    assert headline(replace(CONNECTED, link=Link.STARTING)) == status_line(replace(CONNECTED, link=Link.STARTING))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("port 12434 is in use", "Port 12434 is in use"),
        ("ai/x is not there", "ai/x is not there"),
        ("smollm2: no answer", "smollm2: no answer"),
        ("localhost:5000 cannot be reached", "localhost:5000 cannot be reached"),
        ("waiting: others are first", "Waiting: others are first"),
        ("", ""),
    ],
)
def test_a_message_begins_with_a_capital_letter_but_a_name_stays_as_it_is(text: str, sentence: str) -> None:
    assert as_sentence(text) == sentence


def test_digits_are_those_of_the_language() -> None:
    before = QLocale()
    QLocale.setDefault(QLocale("de"))
    try:
        assert format_number(131072) == "131.072"
        assert format_share(512 * MIB, 2048 * MIB) == "0,5 / 2,0 GiB"
        QLocale.setDefault(QLocale.c())
        assert format_number(131072.5, 1) == "131,072.5"
    finally:
        QLocale.setDefault(before)


def test_lines_end_between_words_or_facts_and_never_within_an_address(qapp: QApplication) -> None:
    shown = unbroken("Reach http://localhost:12434/engines/v1 now")
    assert shown.replace(WORD_JOINER, "") == "Reach http://localhost:12434/engines/v1 now"
    layout = QTextLayout(shown, QFont())
    layout.beginLayout()
    lines = []
    while (line := layout.createLine()).isValid():
        line.setLineWidth(1)
        lines.append(shown[line.textStart() : line.textStart() + line.textLength()].replace(WORD_JOINER, "").strip())
    layout.endLayout()
    assert lines == ["Reach", "http://localhost:12434/engines/v1", "now"]
    assert unbroken("402 MiB · unloads in 9 s").split(" ") == [
        f"402{NO_BREAK_SPACE}MiB",
        "·",
        NO_BREAK_SPACE.join(("unloads", "in", "9", "s")),
    ]


def test_tcp_sentence_names_the_error_and_the_url() -> None:
    assert "localhost:12434/engines/v1" in tcp_sentence(replace(CONNECTED, tcp=TcpStatus(True, True, 12434)))
    error = "port 12434 is in use by nginx (pid 7)"
    assert tcp_sentence(replace(CONNECTED, tcp=TcpStatus(True, False, 12434, error=error))) == error


def test_problem_from_plain_text() -> None:
    problem = problem_from_reply("Could not pull x", 404, b"Model not found", "")
    assert (problem.title, problem.message, problem.status) == ("Could not pull x", "Model not found", 404)
    assert problem.hint


def test_problem_from_an_error_object_prefers_its_own_hint() -> None:
    body = json.dumps({"error": {"message": "needs 9 GB, 4 GB free", "hint": "Unload ai/y."}}).encode()
    problem = problem_from_reply("Could not load x", 507, body, "")
    assert (problem.message, problem.hint) == ("needs 9 GB, 4 GB free", "Unload ai/y.")


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b'{"error": 5}', b"[1]", b"\xff\xfe"])
def test_problem_from_anything_has_a_message_and_a_next_step(body: bytes) -> None:
    problem = problem_from_reply("Failed", 599, body, "")
    assert problem.message
    assert problem.hint


def test_problem_without_an_answer() -> None:
    problem = problem_from_reply("Failed", 0, b"", "Connection refused")
    assert problem.message == "Connection refused"


@pytest.mark.parametrize("model", ["ai/smollm2", 'ai/it\'s "quoted" $(reboot)\\'])
def test_snippets_survive_any_model_name(model: str) -> None:
    for is_listening in (True, False):
        found = {item.title: item for item in snippets(12500, "/run/my dmr.sock", model, is_listening=is_listening)}
        curl = found["curl"]
        assert "http://localhost:12500/engines/llama.cpp/v1" in found["n8n"].text
        for title in ("LangChain", "OpenAI SDK", "LiteLLM", "Anthropic SDK", "Ollama clients"):
            compile(found[title].text, title, "exec")
        assert all(item.attempt.body["model"] == model for item in found.values())
        words = shlex.split(curl.text)
        assert json.loads(words[words.index("-d") + 1])["model"] == model
        assert ("/run/my dmr.sock" in words) is not is_listening


def test_the_answer_is_found_in_every_dialect() -> None:
    assert answer_text({"choices": [{"message": {"content": "a"}}]}) == "a"
    assert answer_text({"message": {"content": "b"}}) == "b"
    assert answer_text({"content": [{"type": "text", "text": "c"}, {"type": "thinking"}]}) == "c"
    assert answer_text({"choices": []}) == ""
    assert answer_text([1]) == ""


def test_a_models_share_of_the_graphics_card_is_said_where_the_service_knows_it() -> None:
    runner = RunnerStatus(
        "llama.cpp", "sha256:1", "ai/x", Mode.COMPLETION, RunnerState.READY, memory_bytes=512 * 1024**2
    )
    assert runner_details(runner, 0) == "512 MiB · stays loaded"
    assert runner_details(replace(runner, card_bytes=256 * 1024**2), 0) == "512 MiB · 256 MiB on the GPU · stays loaded"


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/engines/llama.cpp/v1/chat/completions", "chat/completions"),
        ("/engines/v1/embeddings", "embeddings"),
        ("/v1/responses", "responses"),
        ("/anthropic/v1/messages", "anthropic/v1/messages"),
        ("/api/chat", "api/chat"),
        ("", ""),
    ],
)
def test_endpoints_without_what_most_begin_with(path: str, word: str) -> None:
    assert endpoint_word(path) == word


def test_a_time_of_today_has_no_date() -> None:
    noon = datetime(2026, 11, 30, 12, 5).timestamp()
    assert clock_time(0.0) == UNKNOWN
    today, earlier = clock_time(noon, noon + 3600), clock_time(noon - 86400, noon)
    assert "12:05" in today
    assert "29" in earlier
    assert earlier.endswith(today)


def test_texts_are_sorted_by_their_numbers() -> None:
    assert sorted(("qwen3:14B", "Qwen3:8B", "qwen3"), key=natural) == ["qwen3", "Qwen3:8B", "qwen3:14B"]
    counts = [parameter_count(text) for text in ("8.5 B", "0.5M", "7b", "12", "")]
    assert counts == [8.5e9, 5e5, 7e9, 12.0, -1.0]
