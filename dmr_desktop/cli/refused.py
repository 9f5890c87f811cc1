"""Commands of Docker's plug-in that make no sense here: each says so and names what does."""

from argparse import Namespace

from dmr_desktop.cli.session import Session
from dmr_desktop.protocol.errors import InvalidRequest


def search(session: Session, options: Namespace) -> int:
    raise InvalidRequest(
        "`search` is not offered: this program asks no catalogue on the internet",
        hint="look at hub.docker.com/u/ai or at huggingface.co (GGUF), then `dmr pull NAME`",
    )


def skills(session: Session, options: Namespace) -> int:
    raise InvalidRequest(
        "`skills` is not offered: it installs texts for coding assistants, not models",
        hint="`dmr launch` starts such an assistant with this service as its model",
    )


def gateway(session: Session, options: Namespace) -> int:
    raise InvalidRequest(
        "`gateway` is not offered: the service itself speaks OpenAI, Anthropic and Ollama",
        hint="`dmr enable` opens its TCP port; a proxy such as LiteLLM spreads load over several",
    )
