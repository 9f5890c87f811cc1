"""An hour in the life of the tray app, one hidden and one with its panel open: does their memory grow?

A real service works for both meanwhile: streamed chats with the demo model, failed and cancelled requests, loads
and unloads, tags made and removed, the TCP switch; the open panel is led through its pages.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, cycle
from pathlib import Path
from statistics import median

import httpx
from cost import TICKS, read_memory, read_ticks
from desktop_stage import Stage, ended

MODEL = "dmr.local/demo:latest"
NUM_PAGES = 7
BUDGET_MB = 5.0
PAUSE_SECONDS = 1.5
WARM_MINUTES = 5
"""Until then every page was seen and the lists are half full; growth counts from there."""
CHAT = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "Tell me about llamas."}],
    "max_tokens": 24,
    "stream": True,
}


def work(socket_path: Path) -> Iterator[None]:
    """One thing that somebody asks of the service, per step, for ever."""
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket_path)), base_url="http://dmr", timeout=60) as client:
        for number in count(1):
            with suppress(httpx.HTTPError):  # a model may just be unloading; the next step goes on
                _ask(client, number)
            yield


def _ask(client: httpx.Client, number: int) -> None:
    with client.stream("POST", "/engines/v1/chat/completions", json=CHAT) as answer:
        for line in answer.iter_lines():
            if number % 7 == 0 and line.startswith("data:"):
                break  # somebody who goes away
    if number % 5 == 0:
        client.post("/engines/v1/chat/completions", json={**CHAT, "model": "ai/missing"})
    if number % 11 == 0:
        client.post("/models/dmr.local/demo:latest/tag", params={"repo": "dmr.local/copy", "tag": str(number)})
        client.delete(f"/models/dmr.local/copy:{number}")
    if number % 23 == 0:
        client.put("/settings/tcp", json={"enabled": number % 2 == 0})
    if number % 40 == 0:
        client.post("/engines/unload", json={"all": True})


def soak(stage: Stage, minutes: float) -> bool:
    """Prints each app's growth minute by minute; whether both stayed within the budget."""
    with ended(stage.app("hidden", "--hidden")) as hidden, ended(stage.app("open")) as opened:
        apps = {"hidden": hidden.pid, "open": opened.pid}
        rows: dict[str, list[float]] = {name: [] for name in apps}
        steps, pages = work(stage.socket_path), cycle(range(1, NUM_PAGES + 1))
        began, ticks = time.monotonic(), {name: read_ticks(pid) for name, pid in apps.items()}
        for minute in count(1):
            for _ in range(4):
                _turn_page(stage, next(pages))
                until = min(began + 60 * minute, time.monotonic() + 15)
                while time.monotonic() < until:
                    next(steps)
                    time.sleep(PAUSE_SECONDS)
            for name, pid in apps.items():
                rows[name].append(read_memory(pid, "Anonymous"))
                percent = 100 * (read_ticks(pid) - ticks[name]) / TICKS / (time.monotonic() - began)
                told = f"PSS {read_memory(pid):6.1f} MB, its own {rows[name][-1]:6.2f} MB, CPU {percent:4.2f} %"
                print(f"{minute:4} min  {name:6}  {told}", flush=True)
            if time.monotonic() - began >= 60 * minutes:
                break
    verdicts = [_judge(name, values) for name, values in rows.items()]
    return all(verdicts)


def _turn_page(stage: Stage, page: int) -> None:
    for window in stage.panels():
        stage.xdotool("windowfocus", window, "key", f"ctrl+{page}")


def _judge(name: str, values: list[float]) -> bool:
    """Growth between the minutes after the warm-up and the last ones: medians of five, so that a page's own
    memory does not count as growth."""
    settled = values[WARM_MINUTES:] or values
    growth = median(settled[-5:]) - median(settled[:5])
    print(f"{name}: grew by {growth:+.2f} MB over {len(settled)} minutes (budget {BUDGET_MB:.0f})")
    return growth < BUDGET_MB
