"""A chat in the terminal: the conversation so far and its slash commands."""

from collections.abc import Callable
from dataclasses import dataclass, field

from dmr_desktop.cli.answer import print_answer
from dmr_desktop.cli.attachments import Question, read_question
from dmr_desktop.cli.session import Session
from dmr_desktop.client.runner_calls import RunnerCalls
from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.json_types import JSON

HELP = """\
/bye                          leave (Ctrl-D too)
/clear                        forget the conversation
/set system TEXT              instructions for the model; forgets the conversation
/set parameter num_ctx N      context size in tokens
@FILE in a question           shows an image to the model, or puts a text file into the question
/?                            this help
Several lines: put them between two lines of \"\"\"."""


@dataclass(slots=True)
class Conversation:
    """``options`` go into every request. A question that failed or was interrupted leaves no trace."""

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
        answer = print_answer(chunks, self.session.terminal)
        self._messages = [*asked, {"role": "assistant", "content": answer}]

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
            case ["/set", "system", text]:
                self.system, self._messages = text, []
            case ["/set", "parameter", text] if text.startswith("num_ctx ") and text[8:].strip().isdecimal():
                self.client.configure(self.model, context_size=int(text[8:]))
            case _:
                terminal.note(f"Unknown command {line.split()[0]}; /? shows all")
        return True


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
    line = read_line("> ")
    if line.strip() != '"""':
        return line
    lines: list[str] = []
    while (line := read_line("… ")).strip() != '"""':
        lines.append(line)
    return "\n".join(lines)
