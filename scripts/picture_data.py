"""Example data of the pictures: a machine that has something of everything."""

import json
import math
import time
from dataclasses import replace
from typing import Any

from dmr_desktop.protocol.notices import GpuSample, RequestNotice, TelemetrySample
from dmr_desktop.protocol.runners import Mode, RunnerFacts, RunnerState, RunnerStatus
from tests.fakes.fake_service import FakeService

GIB, MIB = 1024**3, 1024**2


def play(service: FakeService) -> None:
    """What the fake service answers."""
    question = {
        "model": "ai/qwen3:8B-Q4_K_M",
        "messages": [{"role": "user", "content": "Name three things that llamas are good at."}],
        "temperature": 0.7,
    }
    answer = {
        "id": "chatcmpl-7",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Carrying, guarding sheep, and wool."}}],
        "usage": {"prompt_tokens": 17, "completion_tokens": 41, "total_tokens": 58},
    }
    records = [
        {
            "request_id": f"r{number}",
            "url": "/engines/v1/chat/completions",
            "request": json.dumps(question),
            "response": json.dumps(answer),
            "user_agent": "n8n",
        }
        for number in range(8)
    ]
    service.answer("GET", "/engines/requests", 200, [{"records": records}])
    service.answer("GET", "/logs?follow=true", 200, LOG)
    for reference in (str(tag) for model in models() for tag in model["tags"]):
        estimate = {
            "total_bytes": 6 * GIB,
            "available_bytes": 19 * GIB,
            "fits": True,
            "max_context_that_fits": 98304,
        }
        service.answer("GET", f"/models/{reference}/fit", 200, estimate)
    remote = {"total_bytes": int(9.2 * GIB), "available_bytes": 19 * GIB, "fits": True, "context_size": 40960}
    config = {"parameters": "14.77 B", "quantization": "Q4_K_M", "size": "8.37 GiB"}
    service.answer("GET", "/models/ai/qwen3:14B-Q4_K_M/fit?remote=true", 200, remote | {"config": config})
    service.answer("POST", "/engines/v1/chat/completions", 200, chat_answer())
    service.answer("GET", "/settings", 200, {"network_addresses": ["192.168.1.20", "fd12:3456:789a::20"]})


def chat_answer() -> bytes:
    pieces = [{"choices": [{"index": 0, "delta": {"content": REPLY[at : at + 40]}}]} for at in range(0, len(REPLY), 40)]
    usage = {"choices": [], "usage": {"completion_tokens": 148}, "timings": {"predicted_per_second": 41.7}}
    lines = [f"data: {json.dumps(piece)}\n\n" for piece in [*pieces, usage]]
    return ("".join(lines) + "data: [DONE]\n\n").encode()


REPLY = """Sort by the **last name**, then by the first:

```python
people.sort(key=lambda person: (person.last, person.first))
```

1. `sort` is stable, so equal names keep their order.
2. Use `sorted(people, key=...)` if you need a new list.
"""
_ENGINE = "[inference.model.ai/qwen3]"
LOG = "\n".join(
    (
        "[2026-11-30T09:12:01.104000000Z] ready on /run/user/1000/dmr-desktop/dmr.sock",
        "[2026-11-30T09:12:01.240000000Z] TCP is open on 127.0.0.1:12434",
        "[2026-11-30T09:12:09.733000000Z] loading ai/qwen3:8B-Q4_K_M: 16384 tokens of context, 5.4 GiB",
        f"[2026-11-30T09:12:09.951000000Z] {_ENGINE} llama_model_loader: loaded meta data with 28 key-value pairs",
        f"[2026-11-30T09:12:10.317000000Z] {_ENGINE} load_tensors: offloaded 37/37 layers to GPU",
        "[2026-11-30T09:12:12.870000000Z] ai/qwen3:8B-Q4_K_M is ready after 3.1 s",
        "[2026-11-30T09:13:20.002000000Z] WARNING: refused a request of https://example.com",
        "[2026-11-30T09:13:41.588000000Z] ERROR: ai/gemma3:4B-Q4_K_M: the connection was cut",
        "[2026-11-30T09:13:42.101000000Z] ai/gemma3:4B-Q4_K_M goes on at 1.1 of 2.5 GiB",
        "",
    )
)


def models() -> tuple[dict[str, Any], ...]:
    def model(
        letter: str, tag: str, size: float, parameters: str, quantization: str, architecture: str, context: int
    ) -> dict[str, Any]:
        return {
            "id": "sha256:" + letter * 64,
            "tags": [tag],
            "size_bytes": int(size),
            "created": int(time.time()) - 86400,
            "config": {
                "parameters": parameters,
                "quantization": quantization,
                "architecture": architecture,
                "context_size": context,
            },
        }

    return (
        model("a", "docker.io/ai/smollm2:latest", 256 * MIB, "361.82 M", "IQ2_XXS/Q4_K_M", "llama", 8192),
        model("b", "docker.io/ai/qwen3:8B-Q4_K_M", 4.68 * GIB, "8.19 B", "Q4_K_M", "qwen3", 40960),
        model("c", "docker.io/ai/llama3.2:1B-Q8_0", 1.22 * GIB, "1.24 B", "Q8_0", "llama", 131072),
        model("d", "docker.io/ai/gpt-oss:20B", 11.3 * GIB, "20.91 B", "MXFP4", "gpt-oss", 131072),
        model("e", "docker.io/ai/nomic-embed-text-v1.5:latest", 260 * MIB, "136.73 M", "F16", "nomic-bert", 2048),
        model("f", "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M", 1.9 * GIB, "3.21 B", "Q4_K_M", "llama", 131072),
    )  # fmt: skip


def runners() -> tuple[RunnerStatus, ...]:
    facts = RunnerFacts(8192, 8192, 8, 49152, 960, "learned: chatml")
    small = RunnerStatus(
        "llama.cpp", "sha256:" + "a" * 64, "ai/smollm2", Mode.COMPLETION, RunnerState.READY, pid=4712,
        last_used=time.time() - 51, loaded_at=time.time() - 300, expires_at=time.time() + 249.4,
        memory_bytes=430 * MIB, card_bytes=402 * MIB, facts=facts,
    )  # fmt: skip
    large = replace(
        small, model_id="sha256:" + "b" * 64, model_name="ai/qwen3:8B-Q4_K_M", state=RunnerState.BUSY,
        active_requests=2, expires_at=None, memory_bytes=int(5.4 * GIB), card_bytes=5 * GIB,
        facts=replace(facts, context_size=16384),
    )  # fmt: skip
    return small, large


def samples(period: float, count: int = 120, with_gpu: bool = True) -> tuple[TelemetrySample, ...]:
    found = []
    for index in range(count):
        at = index / count
        ripple = (math.sin(index * 12.9898) * 43758.5453) % 1
        work = 1 / (1 + math.exp(-24 * (at - 0.22)))
        gpu = GpuSample(
            "NVIDIA RTX 4070", round(8 + 68 * work + 6 * ripple, 1),
            int((0.9 + 5.2 / (1 + math.exp(-60 * (at - 0.18)))) * GIB), 12 * GIB, 61.0, 118.2,
        )  # fmt: skip
        found.append(
            TelemetrySample(
                time.time() - (count - 1 - index) * period,
                round(16 + 16 * math.sin(index / 17) ** 2 + 5 * ripple, 1),
                int((11.4 + 1.8 / (1 + math.exp(-50 * (at - 0.18)))) * GIB), 32 * GIB, int(2.4 * GIB), 41.7, 2,
                (gpu,) if with_gpu else (),
            )
        )  # fmt: skip
    return tuple(found)


def requests() -> tuple[RequestNotice, ...]:
    chat, anthropic = "/engines/v1/chat/completions", "/anthropic/v1/messages"
    now = time.time()
    return (
        RequestNotice("r0", "running", "ai/qwen3:8B-Q4_K_M", chat, now - 2, 0, 0, 0),
        RequestNotice("r1", "running", "ai/qwen3:8B-Q4_K_M", anthropic, now - 7, 0, 0, 0),
        RequestNotice("r2", "done", "ai/qwen3:8B-Q4_K_M", chat, now - 31, 1240, 17, 41),
        RequestNotice("r3", "done", "ai/nomic-embed-text-v1.5", "/engines/v1/embeddings", now - 64, 38, 512, 0),
        RequestNotice("r4", "failed", "ai/missing", chat, now - 88, 3, 0, 0, "model not found: pull it first"),
        RequestNotice("r5", "cancelled", "ai/smollm2", chat, now - 130, 4810, 96, 211),
        RequestNotice("r6", "done", "ai/smollm2", "/api/chat", now - 177, 920, 24, 64),
        RequestNotice("r7", "done", "ai/smollm2", chat, now - 204, 12_480, 2048, 512),
    )
