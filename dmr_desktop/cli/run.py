"""``run``: one question, a chat, or just loading a model; a missing model is pulled first."""

import io
import os
import sys
from argparse import Namespace
from typing import TextIO

from dmr_desktop.cli.attachments import Question, read_question
from dmr_desktop.cli.conversation import Conversation, converse
from dmr_desktop.cli.demo import is_demo, wait_for_demo
from dmr_desktop.cli.line_editing import line_editing
from dmr_desktop.cli.lookup import find, name_of
from dmr_desktop.cli.missing import near_names
from dmr_desktop.cli.pull import fetch
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.client.openai_server import client_for_openai
from dmr_desktop.client.runner_calls import RunnerCalls
from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.pasted_names import pasted_name


def run(session: Session, options: Namespace) -> int:
    if options.websearch:
        raise InvalidRequest("run --websearch is not offered: this program asks nothing on the internet")
    if options.color != "auto":
        session.terminal.color = options.color == "yes"
    if options.openaiurl:
        if options.detach:
            raise InvalidRequest("--detach flag cannot be used with --openaiurl flag")
        with client_for_openai(options.openaiurl) as server:
            return _talk(session, options, server)
    options.model = pasted_name(options.model)
    local = _local_name(session, options.model)
    if local is None:
        session.terminal.note(f"Unable to find model '{safe_line(options.model)}' locally. Pulling from the server.")
        near = near_names(session, options.model)
        if near:
            session.terminal.note(f"(These are here: {safe_line(', '.join(near))}.)")
        code = fetch(session, options.model)
        if code:
            return code
    else:
        options.model = local
    if options.detach:
        session.client.preload(options.model)
        return 0
    return _talk(session, options, session.client)


def _talk(session: Session, options: Namespace, client: RunnerCalls) -> int:
    conversation = Conversation(session, options.model, client, system=options.system or "", options=_sampling(options))
    question = _question(options.prompt)
    if question.content:
        conversation.ask(question)
        return 0
    if not session.terminal.interactive:
        raise InvalidRequest("nothing was asked", hint='give a question: dmr run MODEL "..." (or pipe one in)')
    _chat(conversation)
    return 0


def _local_name(session: Session, reference: str) -> str | None:
    """A name under which the model answers; None if it is not here."""
    if is_demo(reference):
        return reference if wait_for_demo(session) else None
    model = find(session, reference)
    return None if model is None else name_of(model, reference)


def _sampling(options: Namespace) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    if options.temperature is not None:
        found["temperature"] = options.temperature
    if options.max_tokens is not None:
        found["max_tokens"] = options.max_tokens
    return found


def _question(words: list[str]) -> Question:
    """The prompt of the command line with the files it names, then what was piped in, in which nothing is a name."""
    piped = "" if sys.stdin is None or sys.stdin.isatty() else _all_of(sys.stdin).strip("\n")
    # What the command line holds beyond UTF-8 is not a reason to say nothing.
    typed = read_question(os.fsencode(" ".join(words)).decode("utf-8", "replace"))
    if not piped.strip():
        return typed
    if isinstance(typed.content, list):
        return Question([*typed.content, {"type": "text", "text": piped}])
    return Question("\n\n".join(part for part in (typed.content, piped) if isinstance(part, str) and part.strip()))


def _all_of(stream: TextIO) -> str:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return stream.read()


def _chat(conversation: Conversation) -> None:
    terminal = conversation.session.terminal
    if conversation.client is conversation.session.client:
        terminal.note(terminal.dim(f"Loading {safe_line(conversation.model)} …"))
        conversation.session.client.preload(conversation.model)
    terminal.note(terminal.dim("Ask away; /? shows the commands, /bye leaves."))
    with line_editing(conversation.session):
        converse(conversation, input)
