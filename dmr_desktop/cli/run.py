"""``run``: one question, a chat, or just loading a model; a missing model is pulled first."""

import sys
from argparse import Namespace

from dmr_desktop.cli.conversation import Conversation, converse
from dmr_desktop.cli.pull import fetch
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import InvalidRequest, ModelNotFound
from dmr_desktop.protocol.json_types import JSON


def run(session: Session, options: Namespace) -> int:
    if not _is_local(session, options.model):
        session.terminal.note(f"Unable to find model '{safe_line(options.model)}' locally. Pulling from the server.")
        code = fetch(session, options.model)
        if code:
            return code
    if options.detach:
        session.client.preload(options.model)
        return 0
    conversation = Conversation(session, options.model, system=options.system or "", options=_sampling(options))
    question = _question(options.prompt)
    if question:
        conversation.ask(question)
        return 0
    if not session.terminal.interactive:
        raise InvalidRequest("nothing was asked", hint='give a question: dmr run MODEL "..." (or pipe one in)')
    _chat(conversation)
    return 0


def _is_local(session: Session, reference: str) -> bool:
    try:
        session.client.inspect(reference)
    except ModelNotFound:
        return False
    return True


def _sampling(options: Namespace) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    if options.temperature is not None:
        found["temperature"] = options.temperature
    if options.max_tokens is not None:
        found["max_tokens"] = options.max_tokens
    return found


def _question(words: list[str]) -> str:
    """The prompt of the command line, then what was piped in."""
    piped = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
    return "\n\n".join(part for part in (" ".join(words), piped.strip("\n")) if part.strip())


def _chat(conversation: Conversation) -> None:
    try:
        import readline  # line editing and history, where the platform has it

        readline.set_auto_history(True)
    except ImportError:
        pass
    terminal = conversation.session.terminal
    terminal.note(terminal.dim(f"Loading {safe_line(conversation.model)} …"))
    conversation.session.client.preload(conversation.model)
    terminal.note(terminal.dim("Ask away; /? shows the commands, /bye leaves."))
    converse(conversation, input)
