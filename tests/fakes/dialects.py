"""Four dialects as their clients speak them: one conversation in, one outcome out, streamed or not.

Written from the owners' documentation, knowing nothing of this project's code: what differs between two dialects
here differs between their clients.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

Body = dict[str, Any]


@dataclass(frozen=True)
class Talk:
    """A neutral conversation. Turns are ``(role, text)``, ``("call", id, name, arguments)``, ``("result", id, text)``
    or ``("image", data URL, text)``."""

    turns: tuple[tuple[Any, ...], ...]
    system: str = ""
    tools: tuple[Body, ...] = ()
    must_call: str = ""
    schema: Body | None = None
    max_tokens: int = 200
    stop: str = ""
    model: str = "dmr.local/demo"


@dataclass(frozen=True)
class Outcome:
    """``end`` is stop, length or calls; ``status`` other than 200 is a refusal with ``message``."""

    status: int = 200
    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    end: str = ""
    tokens: tuple[int, int] = (0, 0)
    message: str = field(default="", compare=False)


class Dialect(Protocol):
    name: str

    def request(self, talk: Talk, *, stream: bool) -> tuple[str, Body]: ...
    def read(self, answer: Body) -> Outcome: ...
    def read_stream(self, lines: Iterator[str]) -> Outcome: ...
    def message(self, answer: Body) -> str: ...


def ask(http: httpx.Client, dialect: Dialect, talk: Talk, *, stream: bool) -> Outcome:
    path, body = dialect.request(talk, stream=stream)
    with http.stream("POST", path, json=body) as response:
        if response.status_code != 200:
            response.read()
            return Outcome(response.status_code, message=dialect.message(response.json()))
        if stream:
            return dialect.read_stream(response.iter_lines())
        response.read()
        return dialect.read(response.json())


def arguments(value: str | Body) -> str:
    return json.dumps(json.loads(value) if isinstance(value, str) else value, sort_keys=True)


def events(lines: Iterator[str]) -> Iterator[Body]:
    """The JSON of server-sent events; OpenAI's end mark is none."""
    for line in lines:
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line[6:])


class Chat:
    """OpenAI's chat completions."""

    name = "chat"

    def request(self, talk: Talk, *, stream: bool) -> tuple[str, Body]:
        messages: list[Body] = [{"role": "system", "content": talk.system}] if talk.system else []
        for turn in talk.turns:
            match turn:
                case ("call", call_id, name, given):
                    call = {
                        "id": call_id,
                        "type": "function",
                        "function": {"name": name, "arguments": json.dumps(given)},
                    }
                    messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
                case ("result", call_id, text):
                    messages.append({"role": "tool", "tool_call_id": call_id, "content": text})
                case ("image", url, text):
                    parts = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
                    messages.append({"role": "user", "content": parts})
                case (role, text):
                    messages.append({"role": role, "content": text})
        body: Body = {"model": talk.model, "messages": messages, "temperature": 0, "max_tokens": talk.max_tokens}
        if talk.tools:
            body["tools"] = [{"type": "function", "function": tool} for tool in talk.tools]
        if talk.must_call:
            body["tool_choice"] = {"type": "function", "function": {"name": talk.must_call}}
        if talk.schema:
            body["response_format"] = {"type": "json_schema", "json_schema": {"name": "x", "schema": talk.schema}}
        if talk.stop:
            body["stop"] = [talk.stop]
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return "/engines/v1/chat/completions", body

    def _outcome(self, text: str, calls: list[tuple[str, str]], end: str, usage: Body) -> Outcome:
        ends = {"stop": "stop", "length": "length", "tool_calls": "calls"}
        tokens = (usage["prompt_tokens"], usage["completion_tokens"])
        return Outcome(200, text, tuple((name, arguments(given)) for name, given in calls), ends[end], tokens)

    def read(self, answer: Body) -> Outcome:
        choice = answer["choices"][0]
        message = choice["message"]
        calls = [(c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls") or ()]
        return self._outcome(message["content"] or "", calls, choice["finish_reason"], answer["usage"])

    def read_stream(self, lines: Iterator[str]) -> Outcome:
        text, end = "", ""
        usage: Body = {}
        calls: dict[int, Any] = {}
        for chunk in events(lines):
            usage = chunk.get("usage") or usage
            for choice in chunk["choices"]:
                delta = choice["delta"]
                text += delta.get("content") or ""
                end = choice["finish_reason"] or end
                for piece in delta.get("tool_calls") or ():
                    known = calls.setdefault(piece["index"], ["", ""])
                    known[0] += piece["function"].get("name") or ""
                    known[1] += piece["function"].get("arguments") or ""
        return self._outcome(text, [(name, given) for name, given in calls.values()], end, usage)

    def message(self, answer: Body) -> str:
        assert set(answer["error"]) >= {"message", "type", "param", "code"}
        return str(answer["error"]["message"])


class Responses:
    """OpenAI's responses."""

    name = "responses"

    def request(self, talk: Talk, *, stream: bool) -> tuple[str, Body]:
        items: list[Body] = []
        for turn in talk.turns:
            match turn:
                case ("call", call_id, name, given):
                    items.append(
                        {"type": "function_call", "call_id": call_id, "name": name, "arguments": json.dumps(given)}
                    )
                case ("result", call_id, text):
                    items.append({"type": "function_call_output", "call_id": call_id, "output": text})
                case ("image", url, text):
                    parts = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": url}]
                    items.append({"role": "user", "content": parts})
                case (role, text):
                    items.append({"role": role, "content": text})
        body: Body = {"model": talk.model, "input": items, "temperature": 0, "max_output_tokens": talk.max_tokens}
        body["stream"] = stream
        if talk.system:
            body["instructions"] = talk.system
        if talk.tools:
            body["tools"] = [{"type": "function", **tool} for tool in talk.tools]
        if talk.must_call:
            body["tool_choice"] = {"type": "function", "name": talk.must_call}
        if talk.schema:
            body["text"] = {"format": {"type": "json_schema", "name": "x", "schema": talk.schema}}
        return "/engines/v1/responses", body

    def read(self, answer: Body) -> Outcome:
        text, calls = "", []
        for item in answer["output"]:
            if item["type"] == "message":
                text += "".join(part["text"] for part in item["content"])
            elif item["type"] == "function_call":
                calls.append((item["name"], arguments(item["arguments"])))
        if answer["status"] == "incomplete":
            assert answer["incomplete_details"] == {"reason": "max_output_tokens"}
        end = "length" if answer["status"] == "incomplete" else "calls" if calls else "stop"
        usage = answer["usage"]
        return Outcome(200, text, tuple(calls), end, (usage["input_tokens"], usage["output_tokens"]))

    def read_stream(self, lines: Iterator[str]) -> Outcome:
        text = ""
        pieces: dict[str, str] = {}
        last: Body = {}
        for number, event in enumerate(events(lines)):
            assert event["sequence_number"] == number
            last = event
            if event["type"] == "response.output_text.delta":
                text += event["delta"]
            elif event["type"] == "response.function_call_arguments.delta":
                pieces[event["item_id"]] = pieces.get(event["item_id"], "") + event["delta"]
        outcome = self.read(last["response"])
        assert outcome.text == text
        assert [arguments(piece) for piece in pieces.values()] == [given for _, given in outcome.calls]
        return outcome

    def message(self, answer: Body) -> str:
        return str(answer["error"]["message"])


class Messages:
    """Anthropic's messages."""

    name = "messages"

    def request(self, talk: Talk, *, stream: bool) -> tuple[str, Body]:
        messages: list[Body] = []
        for turn in talk.turns:
            match turn:
                case ("call", call_id, name, given):
                    block: Body = {"type": "tool_use", "id": call_id, "name": name, "input": given}
                    messages.append({"role": "assistant", "content": [block]})
                case ("result", call_id, text):
                    block = {"type": "tool_result", "tool_use_id": call_id, "content": text}
                    messages.append({"role": "user", "content": [block]})
                case ("image", url, text):
                    kind, _, data = url.removeprefix("data:").partition(";base64,")
                    source = {"type": "base64", "media_type": kind, "data": data}
                    blocks = [{"type": "text", "text": text}, {"type": "image", "source": source}]
                    messages.append({"role": "user", "content": blocks})
                case (role, text):
                    messages.append({"role": role, "content": text})
        body: Body = {"model": talk.model, "messages": messages, "temperature": 0, "max_tokens": talk.max_tokens}
        body["stream"] = stream
        if talk.system:
            body["system"] = talk.system
        if talk.tools:
            body["tools"] = [
                {"name": tool["name"], "description": tool["description"], "input_schema": tool["parameters"]}
                for tool in talk.tools
            ]
        if talk.must_call:
            body["tool_choice"] = {"type": "tool", "name": talk.must_call}
        if talk.schema:
            body["output_config"] = {"format": {"type": "json_schema", "schema": talk.schema}}
        if talk.stop:
            body["stop_sequences"] = [talk.stop]
        return "/anthropic/v1/messages", body

    def _outcome(self, text: str, calls: list[tuple[str, str]], end: str, usage: Body) -> Outcome:
        ends = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "calls"}
        asked = usage["input_tokens"] + usage.get("cache_read_input_tokens", 0)
        return Outcome(200, text, tuple(calls), ends[end], (asked, usage["output_tokens"]))

    def read(self, answer: Body) -> Outcome:
        text = "".join(block["text"] for block in answer["content"] if block["type"] == "text")
        calls = [(b["name"], arguments(b["input"])) for b in answer["content"] if b["type"] == "tool_use"]
        return self._outcome(text, calls, answer["stop_reason"], answer["usage"])

    def read_stream(self, lines: Iterator[str]) -> Outcome:
        text, end, usage, calls = "", "", {}, {}
        for event in events(lines):
            match event["type"]:
                case "message_start":
                    usage = dict(event["message"]["usage"])
                case "content_block_start" if event["content_block"]["type"] == "tool_use":
                    calls[event["index"]] = [event["content_block"]["name"], ""]
                case "content_block_delta" if event["delta"]["type"] == "text_delta":
                    text += event["delta"]["text"]
                case "content_block_delta" if event["delta"]["type"] == "input_json_delta":
                    calls[event["index"]][1] += event["delta"]["partial_json"]
                case "message_delta":
                    end = event["delta"]["stop_reason"]
                    usage |= event["usage"]
        return self._outcome(text, [(name, arguments(given or "{}")) for name, given in calls.values()], end, usage)

    def message(self, answer: Body) -> str:
        assert answer["type"] == "error"
        return str(answer["error"]["message"])


class Ollama:
    """Ollama's chat."""

    name = "ollama"

    def request(self, talk: Talk, *, stream: bool) -> tuple[str, Body]:
        messages: list[Body] = [{"role": "system", "content": talk.system}] if talk.system else []
        for turn in talk.turns:
            match turn:
                case ("call", _, name, given):
                    call = {"function": {"name": name, "arguments": given}}
                    messages.append({"role": "assistant", "content": "", "tool_calls": [call]})
                case ("result", _, text):
                    messages.append({"role": "tool", "content": text})
                case ("image", url, text):
                    messages.append({"role": "user", "content": text, "images": [url.partition(";base64,")[2]]})
                case (role, text):
                    messages.append({"role": role, "content": text})
        options: Body = {"temperature": 0, "num_predict": talk.max_tokens}
        if talk.stop:
            options["stop"] = [talk.stop]
        body: Body = {"model": talk.model, "messages": messages, "options": options, "stream": stream}
        if talk.tools:
            body["tools"] = [{"type": "function", "function": tool} for tool in talk.tools]
        if talk.schema:
            body["format"] = talk.schema
        return "/api/chat", body

    def _outcome(self, text: str, calls: list[Body], last: Body) -> Outcome:
        assert last["done"] is True
        found = tuple((c["function"]["name"], arguments(c["function"]["arguments"])) for c in calls)
        end = "calls" if found else last["done_reason"]
        return Outcome(200, text, found, end, (last["prompt_eval_count"], last["eval_count"]))

    def read(self, answer: Body) -> Outcome:
        message = answer["message"]
        return self._outcome(message["content"], message.get("tool_calls") or [], answer)

    def read_stream(self, lines: Iterator[str]) -> Outcome:
        text = ""
        calls: list[Body] = []
        last: Body = {}
        for line in lines:
            last = json.loads(line)
            text += last["message"]["content"]
            calls += last["message"].get("tool_calls") or []
        return self._outcome(text, calls, last)

    def message(self, answer: Body) -> str:
        return str(answer["error"])


DIALECTS: tuple[Dialect, ...] = (Chat(), Responses(), Messages(), Ollama())
