"""Load for OpenAI-compatible servers, on bare asyncio streams so that a 2-core machine measures the server.

Every workload is made from a seed, so two servers in one round get the same prompts.
"""

import asyncio
import json
import os
import random
import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from urllib.parse import urlparse

VOCABULARY = (
    "time year people way day man thing woman life child world school state family student group country problem "
    "hand part place case week company system program question work government number night point home water room "
    "mother area money story fact month lot right study book eye job word business issue side kind head house "
    "river stone window garden paper music summer winter market letter doctor bridge forest island metal engine"
).split()


@dataclass(frozen=True, slots=True)
class Server:
    """``url`` is the OpenAI base; ``pid`` the root of its process tree, for CPU time."""

    name: str
    url: str
    model: str
    pid: int


@dataclass(slots=True)
class Stream:
    """One streamed answer: ``times`` are the arrivals of content, in seconds of the monotonic clock."""

    started: float = 0.0
    times: list[float] = field(default_factory=list)
    tokens: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one workload, once or several times. ``tokens_s`` counts generated tokens over all the wall time."""

    tokens: int
    tokens_s: float
    wall_s: float
    ttft_ms: float
    itl_ms: float
    itl_p95_ms: float
    cached: int
    cpu_ms_per_token: float


async def chat(server: Server, messages: list[dict[str, str]], max_tokens: int) -> Stream:
    """One streamed chat completion of exactly ``max_tokens``. Raises RuntimeError on any other outcome."""
    address = urlparse(server.url)
    body = json.dumps(
        {
            "model": server.model,
            "messages": messages,
            "max_tokens": max_tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
            "ignore_eos": True,
        }
    ).encode()
    head = (
        f"POST {address.path}/chat/completions HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    result = Stream(started=time.perf_counter())
    reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=1 << 22)
    try:
        writer.write(head.encode() + body)
        status = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in status.split(b"\r\n", 1)[0]:
            raise RuntimeError(f"{server.name}: {status!r} {await reader.read(500)!r}")
        async for line in reader:
            # Chunk sizes and blank lines fall through; a data line is never split over chunks by either server.
            if line.startswith(b"data: {"):
                take(result, json.loads(line[6:]), time.perf_counter())
    finally:
        writer.close()
    if result.tokens != max_tokens:
        raise RuntimeError(f"{server.name}: {result.tokens} tokens of {max_tokens}")
    return result


def take(stream: Stream, chunk: dict[str, Any], now: float) -> None:
    """Note one server-sent chunk."""
    if "error" in chunk:
        raise RuntimeError(str(chunk["error"]))
    usage = chunk.get("usage")
    if usage:
        stream.tokens = usage["completion_tokens"]
        stream.cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    for choice in chunk.get("choices", ()):
        if choice.get("delta", {}).get("content"):
            stream.times.append(now)


def words(rng: random.Random, count: int) -> str:
    return " ".join(rng.choice(VOCABULARY) for _ in range(count))


def prompts(workload: str, seed: int) -> tuple[list[list[dict[str, str]]], int]:
    """The chats of a workload and how many tokens each answer has.

    ``single``: one stream. ``streams8``: eight with distinct prompts. ``shared8``: eight questions after one
    system prompt of about 1,500 tokens that no server has seen.
    """
    rng = random.Random(f"{workload} {seed}")

    def user(count: int) -> dict[str, str]:
        return {"role": "user", "content": f"Item {rng.randrange(10**9)}: {words(rng, count)}"}

    if workload == "single":
        return [[user(48)]], 64
    if workload == "streams8":
        return [[user(48)] for _ in range(8)], 64
    if workload == "shared8":
        system = {"role": "system", "content": f"Session {rng.randrange(10**9)}. {words(rng, 1480)}"}
        return [[system, user(16)] for _ in range(8)], 16
    raise ValueError(workload)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process tree, from the scheduler's nanosecond counters."""
    total = 0.0
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0.0
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/schedstat") as stat:
                total += int(stat.read().split()[0]) / 1e9
            with open(f"/proc/{pid}/task/{thread}/children") as children:
                total += sum(cpu_seconds(int(child)) for child in children.read().split())
        except OSError:
            continue
    return total


async def run(server: Server, workload: str, seed: int) -> Figures:
    """One workload once."""
    chats, max_tokens = prompts(workload, seed)
    cpu = cpu_seconds(server.pid)
    start = time.perf_counter()
    streams = await asyncio.gather(*(chat(server, messages, max_tokens) for messages in chats))
    wall = time.perf_counter() - start
    tokens = sum(stream.tokens for stream in streams)
    gaps = sorted(b - a for s in streams for a, b in zip(s.times, s.times[1:], strict=False))
    return Figures(
        tokens=tokens,
        tokens_s=tokens / wall,
        wall_s=wall,
        ttft_ms=1e3 * median(s.times[0] - s.started for s in streams),
        itl_ms=1e3 * median(gaps),
        itl_p95_ms=1e3 * gaps[int(0.95 * (len(gaps) - 1))],
        cached=sum(stream.cached for stream in streams),
        cpu_ms_per_token=1e3 * (cpu_seconds(server.pid) - cpu) / tokens,
    )


def joined(turns: list[Figures]) -> Figures:
    """Several turns of a workload as one: sums, and medians of the times."""
    tokens = sum(turn.tokens for turn in turns)
    wall = sum(turn.wall_s for turn in turns)
    return Figures(
        tokens=tokens,
        tokens_s=tokens / wall,
        wall_s=wall,
        ttft_ms=median(turn.ttft_ms for turn in turns),
        itl_ms=median(turn.itl_ms for turn in turns),
        itl_p95_ms=median(turn.itl_p95_ms for turn in turns),
        cached=sum(turn.cached for turn in turns),
        cpu_ms_per_token=sum(turn.cpu_ms_per_token * turn.tokens for turn in turns) / tokens,
    )
