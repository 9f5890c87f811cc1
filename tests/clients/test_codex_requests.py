"""What OpenAI's Codex (0.171) sends, as it was recorded from it with its long texts cut, and what it reads."""

import json
from typing import Any

import pytest

from tests.clients.raw_http import Answer, exchange, head
from tests.fixtures_live import DEMO, LiveService

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

SESSION = "01a22d81-db2a-77a2-af0c-cc9ecb1cc0bc"


def function(name: str, description: str, **properties: str) -> dict[str, Any]:
    return {
        "type": "function",
        "name": name,
        "description": description,
        "strict": False,
        "parameters": {
            "type": "object",
            "properties": {key: {"type": kind} for key, kind in properties.items()},
            "required": list(properties),
            "additionalProperties": False,
        },
    }


TOOLS = [
    {
        "type": "namespace",
        "name": "mcp__forecast",
        "description": "Tools of an MCP server.",
        "tools": [function("get_weather", "Get the weather of a city.", city="string")],
    },
    {"type": "web_search", "external_web_access": False},
]


def message(role: str, text: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "id": f"msg_{SESSION}", "role": role, "content": [{"type": kind, "text": text}]}


def ask(service: LiveService, *items: dict[str, Any]) -> Answer:
    body = {
        "model": DEMO,
        "stream": True,
        "input": [message("developer", "You are a coding agent."), *items],
        "tools": TOOLS,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"summary": "auto"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": SESSION,
        "client_metadata": {"session_id": SESSION, "turn_id": SESSION},
        "temperature": 0,  # not of Codex: so that the demo model says the same each time
    }
    sent = json.dumps(body).encode()
    first = head(
        "POST /v1/responses",
        x_codex_window_id=f"{SESSION}:0",
        session_id=SESSION,
        accept="text/event-stream",
        content_type="application/json",
        originator="codex_exec",
        user_agent="codex_exec/0.171.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.171.0)",
        accept_encoding="zstd,gzip",
        host="localhost:12434",
        content_length=str(len(sent)),
    )
    return exchange(service, first, sent)


def items_of(answer: Answer) -> list[dict[str, Any]]:
    """Codex collects the items as they are done, and needs the end."""
    events = [(name, json.loads(data)) for name, data in answer.events()]
    name, last = events[-1]
    assert name == "response.completed"
    assert isinstance(last["response"]["usage"]["total_tokens"], int)
    return [event["item"] for name, event in events if name == "response.output_item.done"]


def test_a_turn_with_its_tools(live_service: LiveService) -> None:
    """A group of functions and a search of the web come with every request; the call says which group it is of."""
    question = message("user", "What is the weather in Berlin?")
    (call,) = items_of(ask(live_service, question))
    assert (call["type"], call["namespace"], call["name"]) == ("function_call", "mcp__forecast", "get_weather")
    assert json.loads(call["arguments"]) == {"city": "Berlin"}
    again = {name: call[name] for name in ("type", "id", "name", "namespace", "arguments", "call_id")}
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "It is 17 degrees and sunny."}
    (said,) = items_of(ask(live_service, question, again, output))
    assert (said["type"], said["role"]) == ("message", "assistant")
    assert "17 degrees" in said["content"][0]["text"]


def test_its_check_of_a_local_provider(live_service: LiveService) -> None:
    """``codex --oss --local-provider ollama`` wants an Ollama of 0.13.4 or newer, then the model."""
    with live_service.http() as http:
        version = http.get("/api/version").json()["version"]
        assert tuple(map(int, version.split("."))) >= (0, 13, 4)
        assert f"{DEMO}:latest" in [model["name"] for model in http.get("/api/tags").json()["models"]]
        lines = http.post("/api/pull", json={"model": DEMO, "stream": True}).text.splitlines()
        assert json.loads(lines[-1])["status"] == "success"
