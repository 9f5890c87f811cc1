"""A chat in the terminal: the conversation so far and its slash commands."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dmr_desktop.cli.answer import print_answer
from dmr_desktop.cli.attachments import Question, read_question
from dmr_desktop.cli.parameters import CONTEXT_SIZE, num_ctx, parameter
from dmr_desktop.cli.safe_text import safe_line
from dmr_desktop.cli.session import Session
from dmr_desktop.client.runner_calls import RunnerCalls
from dmr_desktop.protocol.errors import ContextOverflow, DMRError
from dmr_desktop.protocol.json_types import JSON

HELP = """\
/bye                          leave (Ctrl-D too)
/clear                        forget the conversation
/set system TEXT              instructions for the model; forgets all before
/set parameter NAME VALUE     num_ctx, temperature, top_p, top_k, min_p, seed,
                              max_tokens, stop, ..._penalty
@FILE in a question           shows an image, or puts a text file into it
\"\"\"                           begins and ends a question of several lines
/?                            this help"""
_NUM_CTX = "/set parameter num_ctx N, or /clear"
_QUOTES = '"""'
_SET_USAGE = "Usage: /set system TEXT, or /set parameter NAME VALUE"


@dataclass(slots=True)
class Conversation:
    """``options`` go into every request. A question that failed leaves no trace; of an answer that was interrupted
    what had come stays, so that "shorter, please" makes sense to the model."""

    session: Session
    model: str
    client: RunnerCalls
    system: str = ""
    options: dict[str, JSON] = field(default_factory=dict)
    _messages: list[JSON] = field(default_factory=list)

    def ask(self, question: Question) -> None:
        """Print the answer to ``question``. Raises :class:`DMRError`, KeyboardInterrupt."""
        asked: list[JSON] = [*self._messages, {"role": "user", "content": question.content}]
        head: list[JSON] = [{"role": "system", "content": self.system}] if self.system else []
        chunks = self.client.chat(self.model, [*head, *asked], **self.options)
        said: list[str] = []
        try:
            print_answer(chunks, self.session.terminal, waiting=f"Waiting for {safe_line(self.model)} …", said=said)
        except KeyboardInterrupt:
            if said:
                self._remember(asked, said)
            raise
        except ContextOverflow as error:
            error.hint = f"ask for less, or `dmr configure --context-size N {self.model}` (in a chat: {_NUM_CTX})"
            raise
        self._remember(asked, said)

    def _remember(self, asked: list[JSON], said: list[str]) -> None:
        self._messages = [*asked, {"role": "assistant", "content": "".join(said)}]

    def command(self, line: str) -> bool:
        """Obey a slash command; False when it was the one to leave. Raises :class:`DMRError`."""
        terminal = self.session.terminal
        match line.split(maxsplit=2):
            case ["/bye" | "/exit" | "/quit"]:
                return False
            case ["/?" | "/help"]:
                terminal.note(HELP)
            case ["/clear"]:
                self._messages = []
                terminal.note("The conversation is forgotten.")
            case ["/set", "system", text]:
                self.system, self._messages = text, []
                terminal.note("The instructions are set, and the conversation begins anew.")
            case ["/set", "parameter", text] if len(words := text.split(maxsplit=1)) == 2:
                self._set(*words)
            case ["/set", *_]:
                terminal.note(_SET_USAGE)
            case _:
                terminal.note(f"Unknown command {line.split()[0]}; /? shows all")
        return True

    def _set(self, name: str, text: str) -> None:
        value: JSON
        if name == CONTEXT_SIZE:
            value = num_ctx(text)
            self.client.configure(self.model, context_size=value)
        else:
            member, value = parameter(name, text)
            self.options = {**self.options, member: value}
        self.session.terminal.note(f"{name} is {safe_line(str(value))} from now on.")


def converse(conversation: Conversation, read_line: Callable[[str], str]) -> None:
    """Ask, answer, until the user leaves. ``read_line(prompt)`` raises EOFError at the end."""
    terminal = conversation.session.terminal
    while True:
        try:
            line = _read_question(read_line)
        except EOFError:
            terminal.note("")
            return
        except KeyboardInterrupt:
            terminal.note("\nUse Ctrl-D or /bye to leave.")
            continue
        if not line.strip():
            continue
        try:
            if line.startswith("/"):
                if not conversation.command(line.strip()):
                    return
            else:
                conversation.ask(read_question(line))
        except KeyboardInterrupt:
            terminal.note("")
        except DMRError as error:
            terminal.problem(error)


def _read_question(read_line: Callable[[str], str]) -> str:
    """One line, or all between two ``\"\"\"``, which may stand alone or beside the text."""
    line = read_line("> ")
    if not line.lstrip().startswith(_QUOTES):
        return line
    text = line.lstrip().removeprefix(_QUOTES)
    while not text.rstrip().endswith(_QUOTES):
        text += "\n" + read_line("… ")
    return text.rstrip().removesuffix(_QUOTES).strip("\n")
