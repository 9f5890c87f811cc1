"""``quickstart``: from nothing to an answering model, an open port and the tray app. May be run again and again."""

from argparse import Namespace

from dmr_desktop.cli.addresses import openai_url
from dmr_desktop.cli.answer import print_answer
from dmr_desktop.cli.demo import DEMO, wait_for_demo
from dmr_desktop.cli.desktop_verb import StartedDesktop, outcome, start_desktop, why_headless
from dmr_desktop.cli.service_verbs import open_tcp
from dmr_desktop.cli.session import Session
from dmr_desktop.client.discovery import start_service
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.protocol.errors import DMRError, ModelNotFound, PortInUse
from dmr_desktop.protocol.models import DEMO_REFERENCE
from dmr_desktop.protocol.notices import TcpStatus

QUESTION = "How do I turn on TCP access?"


def quickstart(session: Session, options: Namespace) -> int:
    _service(session)
    tcp = _tcp(session)
    app, headless = _desktop(session, shown=not options.no_desktop)
    _ask(session)
    _tell(session, tcp)
    _tell_desktop(session, app, headless)
    return 0


def _service(session: Session) -> None:
    endpoint = session.endpoint
    started = start_service(session.settings) if isinstance(endpoint, UnixEndpoint) else False
    _step(session, f"Service {session.client.version()} {'started' if started else 'is running'}  ({endpoint})")


def _tcp(session: Session) -> TcpStatus | None:
    """The open door; None, with the reason told, when it cannot be opened. One that is open stays as it is."""
    tcp = session.client.tcp()
    if not tcp.listening:
        try:
            tcp = open_tcp(session, tcp.port)
        except PortInUse as error:
            session.terminal.problem(error)
            session.terminal.note("Going on with the Unix socket.")
            return None
    _step(session, tcp_line(tcp))
    return tcp


def tcp_line(tcp: TcpStatus) -> str:
    """On which port it is open, and for whom."""
    others = " and, with the API key, the local network" if tcp.network.enabled else " only"
    return f"TCP is open on port {tcp.port}, for programs on this machine{others}"


def _desktop(session: Session, *, shown: bool) -> tuple[StartedDesktop | None, str]:
    """Started before the question is asked, so that it comes up meanwhile."""
    headless = why_headless(session.environ) if shown else "not asked for (--no-desktop)"
    return (None if headless else start_desktop(session.settings)), headless


def _ask(session: Session) -> None:
    terminal = session.terminal
    _step(session, f"Asking the bundled model {DEMO}\n")
    terminal.line(terminal.strong(f"> {QUESTION}"))
    wait_for_demo(session)
    question = {"role": "user", "content": QUESTION}
    try:
        print_answer(session.client.chat(DEMO_REFERENCE, [question], temperature=0, max_tokens=256), terminal)
    except ModelNotFound as error:
        raise ModelNotFound(
            "the bundled model is not in the store", hint="restart the service: `dmr stop`, then `dmr quickstart`"
        ) from error


def _tell(session: Session, tcp: TcpStatus | None) -> None:
    terminal = session.terminal
    if tcp is None:
        where = f'socket_path="{session.settings.socket_path}"'
        terminal.line(f'\nLangChain   ChatDMR(model="{DEMO}", {where})')
        return
    url = openai_url(tcp)
    terminal.line(f"\nBase URL    {url}")
    terminal.line(f'n8n         credential "OpenAI": Base URL {url}, API Key dmr (any text);')
    terminal.line(f"            node OpenAI Chat Model: Model {DEMO}; Use Responses API on or off")
    terminal.line("LangChain   from dmr_langchain import ChatDMR")
    argument = "" if tcp.port == 12434 else f', base_url="{url}"'
    terminal.line(f'            ChatDMR(model="{DEMO}"{argument}).invoke("{QUESTION}")')
    terminal.line("More models dmr pull ai/smollm2, dmr run ai/smollm2")


def _tell_desktop(session: Session, app: StartedDesktop | None, headless: str) -> None:
    if app is None:
        session.terminal.line(f"Tray app    none: {headless}; all else works without it")
        return
    try:
        session.terminal.line("Tray app    " + outcome(app).replace("\n", "\n            "))
    except DMRError as error:
        session.terminal.problem(error)


def _step(session: Session, text: str) -> None:
    session.terminal.line(f"{session.terminal.strong('✓')} {text}")
