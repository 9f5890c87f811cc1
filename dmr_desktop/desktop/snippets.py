"""How to use the service from n8n, LangChain, the OpenAI SDK, LiteLLM and curl, filled in with what is true now.

Pure text. A model's name comes from elsewhere, so it is always written as a quoted literal.
"""

import json
import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snippet:
    """``title`` for the tab, ``where`` says what to do with ``text``."""

    title: str
    where: str
    text: str


def snippets(port: int, socket_path: str, model: str, *, is_listening: bool) -> tuple[Snippet, ...]:
    """All of them, in the order shown. curl goes over the Unix socket while TCP is off."""
    base = f"http://localhost:{port}/engines/v1"
    return (
        _n8n(base, model),
        _langchain(base, model),
        _openai(base, model),
        _litellm(f"http://localhost:{port}/engines/llama.cpp/v1", model),
        _curl(base if is_listening else "", socket_path, model),
    )


def _n8n(base: str, model: str) -> Snippet:
    text = f"""1. Credentials → Create credential → OpenAI
     API Key:   dmr
     Base URL:  {base}

2. Workflow → add "OpenAI Chat Model" and choose that credential
     Model, by ID:       {model}
     Use Responses API:  off
"""
    return Snippet("n8n", "For an n8n on this computer. The key can be any text.", text)


def _langchain(base: str, model: str) -> Snippet:
    text = f"""from dmr_langchain import ChatDMR

llm = ChatDMR(model={json.dumps(model)}, base_url={json.dumps(base)})
print(llm.invoke("Say hello.").content)
"""
    return Snippet("LangChain", 'pip install "dmr-desktop[langchain]"', text)


def _openai(base: str, model: str) -> Snippet:
    text = f"""from openai import OpenAI

client = OpenAI(base_url={json.dumps(base)}, api_key="dmr")
answer = client.chat.completions.create(
    model={json.dumps(model)},
    messages=[{{"role": "user", "content": "Say hello."}}],
)
print(answer.choices[0].message.content)
"""
    return Snippet("OpenAI SDK", "pip install openai", text)


def _litellm(base: str, model: str) -> Snippet:
    text = f"""import litellm

answer = litellm.completion(
    model={json.dumps(f"docker_model_runner/{model}")},
    api_base={json.dumps(base)},
    messages=[{{"role": "user", "content": "Say hello."}}],
)
print(answer.choices[0].message.content)
"""
    return Snippet("LiteLLM", "pip install litellm", text)


def _curl(base: str, socket_path: str, model: str) -> Snippet:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Say hello."}]})
    if base:
        door, where = base, "In a terminal, over TCP."
    else:
        door = f"--unix-socket {shlex.quote(socket_path)} http://localhost/engines/v1"
        where = "In a terminal, over the Unix socket: works while TCP host access is off."
    text = f"curl {door}/chat/completions \\\n  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(body)}\n"
    return Snippet("curl", where, text)
