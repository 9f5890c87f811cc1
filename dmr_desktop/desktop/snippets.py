"""How to use the service from other programs, filled in with what is true now.

Only text. A model's name comes from elsewhere, so it is always written as a quoted literal. Each snippet also says
which HTTP call the program will make, so that the call can be tried.
"""

import json
import shlex
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from dmr_desktop.protocol.json_types import JSON

HELLO = "Say hello."
HOST_NAME = "host.docker.internal"


@dataclass(frozen=True, slots=True)
class Try:
    """The call that a program makes first. ``over_socket``: it does not need the TCP door."""

    path: str
    body: dict[str, JSON]
    over_socket: bool = False


@dataclass(frozen=True, slots=True)
class Snippet:
    """``title`` for the list, ``where`` says what to do with ``text``; ``attempt`` is what its test sends."""

    title: str
    where: str
    text: str
    attempt: Try


def snippets(port: int, socket_path: str, model: str, *, is_listening: bool) -> tuple[Snippet, ...]:
    """All of them, in the order shown. curl goes over the Unix socket while TCP is off."""
    host = f"http://localhost:{port}"
    base = f"{host}/engines/llama.cpp/v1"
    return (
        _n8n(base, model),
        _n8n_container(f"http://{HOST_NAME}:{port}/engines/llama.cpp/v1", model),
        _langchain(base, model),
        _openai(base, model),
        _anthropic(f"{host}/anthropic", model),
        _litellm(f"{host}/engines/llama.cpp", model),
        _litellm_proxy(f"{host}/engines/llama.cpp", model),
        _docker_agent(f"{host}/engines/v1", model),
        _open_webui(port, model),
        _olla(host, model),
        _ollama(host, model),
        _curl(f"{host}/engines/v1" if is_listening else "", socket_path, model),
    )


def _chat(base_path: str, model: str, *, over_socket: bool = False) -> Try:
    body: dict[str, JSON] = {"model": model, "messages": [{"role": "user", "content": HELLO}]}
    return Try(f"{base_path}/chat/completions", body, over_socket)


def _n8n(base: str, model: str) -> Snippet:
    text = f"""1. Credentials → Create credential → OpenAI
     API Key:   dmr
     Base URL:  {base}

2. Workflow → add "OpenAI Chat Model" and choose that credential
     Model, by ID:  {model}
"""
    where = _tr("For n8n on this computer. Any key will do; “Use Responses API” may be on or off.")
    return Snippet("n8n", where, text, _chat("/engines/llama.cpp/v1", model))


def _n8n_container(base: str, model: str) -> Snippet:
    text = f"""# compose.yaml: n8n must reach this computer
services:
  n8n:
    extra_hosts:
      - "{HOST_NAME}:host-gateway"

# in n8n: Credentials → Create credential → OpenAI
#   API Key:   dmr
#   Base URL:  {base}
#   Model:     {model}
"""
    where = _tr("For n8n in a container. On Linux containers need container access, see Settings.")
    return Snippet("n8n in Docker", where, text, _chat("/engines/llama.cpp/v1", model))


def _langchain(base: str, model: str) -> Snippet:
    text = f"""from dmr_langchain import ChatDMR

llm = ChatDMR(
    model={json.dumps(model)},
    base_url={json.dumps(base)},
)
print(llm.invoke({json.dumps(HELLO)}).content)
"""
    where = 'pip install "dmr-desktop[langchain]"'
    return Snippet("LangChain", where, text, _chat("/engines/llama.cpp/v1", model))


def _openai(base: str, model: str) -> Snippet:
    text = f"""from openai import OpenAI

client = OpenAI(
    base_url={json.dumps(base)},
    api_key="dmr",
)
answer = client.chat.completions.create(
    model={json.dumps(model)},
    messages=[{{"role": "user", "content": {json.dumps(HELLO)}}}],
)
print(answer.choices[0].message.content)
"""
    return Snippet("OpenAI SDK", "pip install openai", text, _chat("/engines/llama.cpp/v1", model))


def _anthropic(base: str, model: str) -> Snippet:
    text = f"""from anthropic import Anthropic

client = Anthropic(
    base_url={json.dumps(base)},
    api_key="dmr",
)
answer = client.messages.create(
    model={json.dumps(model)},
    max_tokens=200,
    messages=[{{"role": "user", "content": {json.dumps(HELLO)}}}],
)
print(answer.content[0].text)
"""
    body: dict[str, JSON] = {"model": model, "max_tokens": 200, "messages": [{"role": "user", "content": HELLO}]}
    return Snippet("Anthropic SDK", "pip install anthropic", text, Try("/anthropic/v1/messages", body))


def _litellm(base: str, model: str) -> Snippet:
    text = f"""import litellm

answer = litellm.completion(
    model={json.dumps(f"docker_model_runner/{model}")},
    api_base={json.dumps(base)},
    messages=[{{"role": "user", "content": {json.dumps(HELLO)}}}],
)
print(answer.choices[0].message.content)
"""
    return Snippet("LiteLLM", "pip install litellm", text, _chat("/engines/llama.cpp", model))


def _litellm_proxy(base: str, model: str) -> Snippet:
    text = f"""model_list:
  - model_name: local
    litellm_params:
      model: {json.dumps(f"docker_model_runner/{model}")}
      api_base: {json.dumps(base)}
      api_key: dmr
"""
    where = _tr("config.yaml, then: litellm --config config.yaml. Ask for the model “local” on port 4000.")
    return Snippet("LiteLLM proxy", where, text, _chat("/engines/llama.cpp", model))


def _docker_agent(base: str, model: str) -> Snippet:
    text = f"""models:
  local:
    provider: dmr
    model: {json.dumps(model)}
    base_url: {json.dumps(base)}

agents:
  root:
    model: local
    description: A helpful assistant
    instruction: You are a helpful assistant.
"""
    return Snippet(
        "docker-agent", _tr("agent.yaml, then: docker agent run agent.yaml"), text, _chat("/engines/v1", model)
    )


def _open_webui(port: int, model: str) -> Snippet:
    text = f"""docker run -d -p 3000:8080 \\
  --add-host={HOST_NAME}:host-gateway \\
  -e OLLAMA_BASE_URL=http://{HOST_NAME}:{port} \\
  -e OPENAI_API_BASE_URL=http://{HOST_NAME}:{port}/engines/v1 \\
  -e OPENAI_API_KEY=dmr \\
  ghcr.io/open-webui/open-webui:main
"""
    where = _tr("In a terminal; then open http://localhost:3000. On Linux containers need container access.")
    body: dict[str, JSON] = {"model": model, "messages": [{"role": "user", "content": HELLO}], "stream": False}
    return Snippet("Open WebUI", where, text, Try("/api/chat", body))


def _olla(host: str, model: str) -> Snippet:
    text = f"""discovery:
  static:
    endpoints:
      - name: dmr-desktop
        url: {json.dumps(host)}
        type: docker-model-runner
        priority: 100
"""
    where = _tr("In Olla's config.yaml. The type must be named: “auto” would take it for Ollama.")
    return Snippet("Olla", where, text, _chat("/engines/v1", model))


def _ollama(host: str, model: str) -> Snippet:
    text = f"""from ollama import Client

client = Client(host={json.dumps(host)})
answer = client.chat(
    model={json.dumps(model)},
    messages=[{{"role": "user", "content": {json.dumps(HELLO)}}}],
)
print(answer.message.content)
"""
    body: dict[str, JSON] = {"model": model, "messages": [{"role": "user", "content": HELLO}], "stream": False}
    return Snippet("Ollama clients", _tr("pip install ollama, or set OLLAMA_HOST."), text, Try("/api/chat", body))


def _curl(base: str, socket_path: str, model: str) -> Snippet:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": HELLO}]}, indent=2)
    if base:
        socket, where = "", _tr("In a terminal, over TCP.")
    else:
        socket = f"--unix-socket {shlex.quote(socket_path)} \\\n  "
        where = _tr("In a terminal, over the Unix socket: works while TCP host access is off.")
    door = base or "http://localhost/engines/v1"
    text = f"""curl {socket}{door}/chat/completions \\
  -H 'Content-Type: application/json' \\
  -d {shlex.quote(body)}
"""
    return Snippet("curl", where, text, _chat("/engines/v1", model, over_socket=not base))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Snippets", text)
