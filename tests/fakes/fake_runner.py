"""A runner process without a model: speaks the whole channel, and misbehaves on demand.

Started like the real one: ``python fake_runner.py [knobs] --channel-fd N``. Every request is answered with
``--tokens`` words, one a step. Embeddings are ``[1, 0, 0, 0]``; ``tokenize`` gives one id a character.
"""

import argparse
import base64
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from dmr_desktop.protocol.errors import ErrorInfo
from dmr_desktop.protocol.frames import FrameSplitter, frame
from dmr_desktop.protocol.generation import ChoiceFinished, Event, Finished, Started, TextDelta, Usage
from dmr_desktop.protocol.runners import RunnerFacts
from dmr_desktop.protocol.wire import dump, dump_event
from dmr_desktop.runner.watchdog import ends_within

FACTS = RunnerFacts(
    context_size=4096,
    train_context_size=8192,
    num_sequences=8,
    vocab_size=256,
    embedding_length=4,
    chat_format="fake",
)


def command(*knobs: str) -> list[str]:
    """The command line for a backend that should start this instead of the real runner."""
    return [sys.executable, __file__, *knobs]


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel-fd", type=int, required=True)
    parser.add_argument("--state-dir", default="")
    parser.add_argument("--tokens", type=int, default=3)
    parser.add_argument("--word", default="w", help="text of a token; a long one makes much output")
    parser.add_argument("--hold-after", type=int, help="after so many tokens nothing more comes until a cancel")
    parser.add_argument("--load-seconds", type=float, default=0.0)
    parser.add_argument("--load-gate", help="loading ends when this file exists")
    parser.add_argument("--fail-load", help="error code to answer the launch with")
    parser.add_argument("--crash-on-load", action="store_true")
    parser.add_argument("--crash-after", type=int, help="SIGSEGV after so many tokens of a request")
    parser.add_argument("--crash-requests", type=int, default=1, help="... of so many requests at the same time")
    parser.add_argument("--garbage-after", type=int, help="after so many tokens, send what is no frame of ours")
    parser.add_argument("--close-after", type=int, help="after so many tokens, close the channel and stay alive")
    parser.add_argument("--hang-after", type=int, help="after so many tokens, hang where the watchdog watches")
    parser.add_argument("--ignore-stop", action="store_true")
    parser.add_argument("--ignore-term", action="store_true")
    parser.add_argument("--flood", type=int, default=0, help="lines to print at start")
    parser.add_argument("--grandchild", action="store_true", help="leave a process behind that holds the output pipe")
    parser.add_argument("--journal", help="file to which every message's op is appended")
    return parser.parse_args(argv)


@dataclass
class Generation:
    prompt_tokens: int
    sent: int = 0
    started: bool = False


@dataclass
class FakeRunner:
    knobs: argparse.Namespace
    sock: socket.socket
    splitter: FrameSplitter = field(default_factory=FrameSplitter)
    running: dict[int, Generation] = field(default_factory=dict)

    def send(self, message: object) -> None:
        self.sock.sendall(frame(orjson.dumps(message)))

    def serve(self) -> int:
        while True:
            busy = any(not self.is_held(generation) for generation in self.running.values())
            readable, _, _ = select.select([self.sock], [], [], 0 if busy else None)
            if readable:
                data = self.sock.recv(65536)
                if not data:
                    return 0
                for payload in self.splitter.feed(data):
                    message = orjson.loads(payload)
                    self.note(message["op"])
                    if message["op"] == "stop" and not self.knobs.ignore_stop:
                        return 0
                    self.receive(message)
            self.step()

    def note(self, op: str) -> None:
        if self.knobs.journal:
            with open(self.knobs.journal, "a") as file:
                file.write(op + "\n")

    def receive(self, message: dict[str, Any]) -> None:
        match message["op"]:
            case "launch":
                self.load()
            case "generate":
                prompt = message["request"]["prompt"]
                self.running[message["id"]] = Generation(len(prompt.get("text", "")) or 1)
            case "cancel":
                self.running.pop(message["id"], None)
            case "embed":
                inputs = message["request"]["inputs"]
                vectors = base64.b64encode(struct.pack("<4f", 1, 0, 0, 0) * len(inputs)).decode()
                answer = {"vectors": vectors, "dim": 4, "count": len(inputs), "prompt_tokens": len(inputs)}
                self.send({"op": "embedded", "id": message["id"], **answer})
            case "rerank":
                scores = [float(len(text)) for text in message["request"]["documents"]]
                answer = {"scores": scores, "are_probabilities": False, "prompt_tokens": len(scores)}
                self.send({"op": "ranked", "id": message["id"], **answer})
            case "tokenize":
                tokens = [ord(letter) for letter in message["prompt"]["text"]]
                self.send({"op": "tokens", "id": message["id"], "tokens": tokens})
            case "stats":
                self.send({"op": "stats", "id": message["id"], "stats": {"running": len(self.running)}})

    def load(self) -> None:
        if self.knobs.crash_on_load:
            print("fake_runner: GGML_ASSERT(false) failed", flush=True)
            os.kill(os.getpid(), signal.SIGABRT)
        time.sleep(self.knobs.load_seconds)
        while self.knobs.load_gate and not os.path.exists(self.knobs.load_gate):
            if select.select([self.sock], [], [], 0.01)[0] and not self.sock.recv(1, socket.MSG_PEEK):
                sys.exit(0)
        if self.knobs.fail_load:
            info = ErrorInfo(self.knobs.fail_load, "the fake does not like this model", "use another")
            self.send({"op": "failed", "error": dump(info)})
            sys.exit(3)
        self.send({"op": "ready", "facts": dump(FACTS)})

    def is_held(self, generation: Generation) -> bool:
        return self.knobs.hold_after is not None and generation.sent >= self.knobs.hold_after

    def step(self) -> None:
        rows: list[Any] = []
        for number, generation in list(self.running.items()):
            if self.is_held(generation):
                continue
            rows += [[number, *dump_event(event)] for event in self.next_events(generation)]
            if generation.sent >= self.knobs.tokens:
                del self.running[number]
        if rows:
            self.send(rows)
        sent = max((generation.sent for generation in self.running.values()), default=0)
        if self.knobs.crash_after is not None and self.are_far(self.knobs.crash_after, self.knobs.crash_requests):
            print("fake_runner: about to crash", flush=True)
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.knobs.garbage_after is not None and sent >= self.knobs.garbage_after:
            self.sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            signal.pause()
        if self.knobs.hang_after is not None and sent >= self.knobs.hang_after:
            with ends_within(0.1):
                time.sleep(60)
        if self.knobs.close_after is not None and sent >= self.knobs.close_after:
            self.sock.close()
            signal.pause()

    def are_far(self, tokens: int, requests: int) -> bool:
        """Whether so many requests have got so many tokens each."""
        return sum(generation.sent >= tokens for generation in self.running.values()) >= requests

    def next_events(self, generation: Generation) -> list[Event]:
        events: list[Event] = []
        if not generation.started:
            generation.started = True
            events.append(Started(generation.prompt_tokens, 0))
        events.append(TextDelta(f"{self.knobs.word}{generation.sent} "))
        generation.sent += 1
        if generation.sent >= self.knobs.tokens:
            events += [ChoiceFinished("stop"), Finished(Usage(generation.prompt_tokens, generation.sent))]
        return events


def main(argv: list[str]) -> int:
    knobs = parse(argv)
    if knobs.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in range(knobs.flood):
        print(f"fake_runner: noise {line}", flush=line % 1000 == 0)
    if knobs.grandchild:
        print(f"grandchild {subprocess.Popen(['sleep', '60']).pid}", flush=True)
    print("fake_runner: up", flush=True)
    return FakeRunner(knobs, socket.socket(fileno=knobs.channel_fd)).serve()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
