"""Programs that were written for Anthropic's API: Claude Code, the clients for JavaScript, LangChain's.

``DMR_TEST_CLAUDE`` may name the program; ``DMR_TEST_ANTHROPIC_JS`` names the folder into which npm installed
``@anthropic-ai/sdk``, ``ai``, ``@ai-sdk/anthropic`` and ``zod``.
"""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dmr_desktop.protocol.generation import (
    ChatPrompt,
    ChoiceFinished,
    Event,
    Finished,
    GenerationRequest,
    ReasoningDelta,
    Started,
    TextDelta,
    TextPart,
    ToolCallArguments,
    ToolCallStarted,
    Usage,
)
from dmr_desktop.settings import asset
from tests.fakes.own_folder import own_folder
from tests.fakes.scripted_backend import words
from tests.fixtures_live import DEMO, start_live_service, stop_live_service
from tests.fixtures_service import LiveInProcess, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

CLAUDE = os.environ.get("DMR_TEST_CLAUDE") or shutil.which("claude")
JS_FOLDER = os.environ.get("DMR_TEST_ANTHROPIC_JS")
NODE = shutil.which("node")


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    """The address of a service of its own, with TCP on."""
    if not asset("demo/demo.gguf").is_file():
        pytest.skip("the demo model is not in this tree")
    with own_folder("dmr-") as directory:
        service = start_live_service(directory)
        try:
            port = free_port()
            with service.http() as http:
                http.put("/settings/tcp", json={"enabled": True, "port": port}).raise_for_status()
            yield f"http://127.0.0.1:{port}"
        finally:
            stop_live_service(service)


# ---- Claude Code -------------------------------------------------------------------------------


def ask_claude(base_url: str, home: Path, *arguments: str) -> Any:
    """What one unattended run says. It knows of no account and of no other server."""
    assert CLAUDE is not None
    work = home / "work"
    work.mkdir(exist_ok=True)
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "ANTHROPIC_BASE_URL": base_url,
        "ANTHROPIC_AUTH_TOKEN": "dmr",
        "ANTHROPIC_MODEL": DEMO,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": DEMO,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
    }
    command = [CLAUDE, "-p", "Hello", "--output-format", "json", *arguments]
    ran = subprocess.run(
        command,
        cwd=work,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    try:
        return json.loads(ran.stdout)
    except ValueError:
        raise AssertionError(f"it said {ran.stdout!r} and {ran.stderr!r}") from None


@pytest.mark.skipif(CLAUDE is None, reason="Claude Code is not installed")
@pytest.mark.parametrize("base", ["", "/anthropic"])
def test_claude_code_gets_its_answer(root: str, base: str, tmp_path: Path) -> None:
    said = ask_claude(root + base, tmp_path, "--system-prompt", "You are helpful.", "--tools", "")
    assert not said["is_error"], said
    assert said["result"]
    assert said["stop_reason"] == "end_turn"
    assert said["usage"]["output_tokens"] > 0


@pytest.mark.skipif(CLAUDE is None, reason="Claude Code is not installed")
def test_claude_code_understands_that_its_own_prompt_is_too_long(root: str, tmp_path: Path) -> None:
    said = ask_claude(root, tmp_path)
    assert said["is_error"]
    assert said["result"].startswith("Prompt is too long")
    assert "4096" in said["result"]


@pytest.mark.skipif(CLAUDE is None, reason="Claude Code is not installed")
async def test_claude_code_runs_its_tools(live: LiveInProcess, tmp_path: Path) -> None:
    """Thoughts, a call of its shell and the answer; the bundled model would not know what to type."""
    arguments = json.dumps({"command": "echo $((6 * 7))", "description": "Multiply"})

    def answer(request: GenerationRequest) -> list[tuple[Event, ...]]:
        assert isinstance(request.prompt, ChatPrompt)
        results = [message.content for message in request.prompt.messages if message.role == "tool"]
        if results:
            return words("It is ", "".join(part.text for part in results[-1] if isinstance(part, TextPart)))
        return [
            (Started(5, 0), ReasoningDelta("I have to multiply.")),
            (TextDelta("I will see."), ToolCallStarted(0, "call_1", "Bash"), ToolCallArguments(0, arguments[:9])),
            (ToolCallArguments(0, arguments[9:]), ChoiceFinished("tool_calls"), Finished(Usage(5, 9))),
        ]

    live.script.answer = answer
    root = f"http://127.0.0.1:{await live.open_tcp()}"
    said = await asyncio.to_thread(ask_claude, root, tmp_path, "--tools", "Bash", "--allowedTools", "Bash")
    assert not said["is_error"], said
    assert (said["result"], said["num_turns"]) == ("It is 42", 2)
    prompt = live.script.requests[-1].prompt
    assert isinstance(prompt, ChatPrompt)
    assert "Bash" in [tool.name for tool in prompt.tools]
    (called,) = [message for message in prompt.messages if message.tool_calls]
    assert (called.content, called.reasoning) == ((TextPart("I will see."),), "I have to multiply.")
    assert json.loads(called.tool_calls[0].arguments) == json.loads(arguments)


# ---- JavaScript --------------------------------------------------------------------------------

SDK_SCRIPT = """
import Anthropic from "@anthropic-ai/sdk";
const [root, model] = process.argv.slice(1);
const client = new Anthropic({ baseURL: `${root}/anthropic`, apiKey: "any", maxRetries: 0 });
const messages = [{ role: "user", content: "Hello" }];
const stream = client.messages.stream({ model, max_tokens: 20, messages });
let pieces = "";
stream.on("text", (text) => (pieces += text));
const message = await stream.finalMessage();
const counted = await client.messages.countTokens({ model, messages });
const models = [];
for await (const found of client.models.list()) models.push(found.id);
const error = await client.messages.create({ model: "ai/none", max_tokens: 1, messages }).catch((error) => error);
console.log(JSON.stringify({ pieces, message, counted, models, status: error.status, requestID: error.requestID }));
"""

AI_SCRIPT = """
import { createAnthropic } from "@ai-sdk/anthropic";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
globalThis.AI_SDK_LOG_WARNINGS = false;
const [root, name] = process.argv.slice(1);
const model = createAnthropic({ baseURL: `${root}/anthropic/v1`, apiKey: "any" })(name);
const cities = [];
const get_weather = tool({
  description: "Get the weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => { cities.push(city); return "21 degrees and sunny"; },
});
const asked = { model, temperature: 0, maxOutputTokens: 80, maxRetries: 0, tools: { get_weather } };
const prompt = "What is the weather in Paris?";
const answer = await generateText({ ...asked, prompt, stopWhen: stepCountIs(3) });
const parts = [];
for await (const part of streamText({ ...asked, prompt, toolChoice: "required" }).fullStream) parts.push(part.type);
console.log(JSON.stringify({ text: answer.text, steps: answer.steps.length, cities, parts }));
"""


def run_script(script: str, root: str) -> Any:
    assert NODE is not None
    command = [NODE, "--input-type=module", "-e", script, root, DEMO]
    ran = subprocess.run(command, cwd=JS_FOLDER, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


needs_js = pytest.mark.skipif(NODE is None or JS_FOLDER is None, reason="the clients for JavaScript are not installed")


@needs_js
def test_the_javascript_sdk(root: str) -> None:
    found = run_script(SDK_SCRIPT, root)
    message = found["message"]
    assert found["pieces"] == message["content"][0]["text"] != ""
    assert message["usage"]["output_tokens"] > 0
    usage = message["usage"]
    assert found["counted"]["input_tokens"] == usage["input_tokens"] + usage["cache_read_input_tokens"]
    assert found["models"] == [f"{DEMO}:latest"]
    assert found["status"] == 404
    assert found["requestID"].startswith("req_")


@needs_js
def test_vercels_ai_sdk_calls_a_tool(root: str) -> None:
    found = run_script(AI_SCRIPT, root)
    assert found["cities"][0] == "Paris"
    assert "21" in found["text"]
    assert found["steps"] == 2
    assert "error" not in found["parts"]
    for part in ("tool-input-start", "tool-input-delta", "tool-input-end", "tool-call", "finish"):
        assert part in found["parts"]


# ---- LangChain ---------------------------------------------------------------------------------


def test_langchains_chat_model(root: str) -> None:
    langchain_anthropic = pytest.importorskip("langchain_anthropic", reason="langchain-anthropic is not installed")
    from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage

    model = langchain_anthropic.ChatAnthropic(
        model=DEMO, base_url=f"{root}/anthropic", api_key="any", max_tokens=80, max_retries=0
    )
    streamed = AIMessageChunk("")
    for chunk in model.stream("Hello"):
        streamed += chunk
    assert streamed.text
    assert streamed.usage_metadata is not None
    question = HumanMessage("What is the weather in Paris?")
    schema = {
        "title": "get_weather",
        "description": "Get the weather of a city",
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    }
    called = model.bind_tools([schema], tool_choice="any").invoke([question])
    (call,) = called.tool_calls
    assert (call["name"], call["args"]) == ("get_weather", {"city": "Paris"})
    result = ToolMessage("21 degrees and sunny", tool_call_id=call["id"])
    assert "21" in model.bind_tools([schema]).invoke([question, called, result]).text
