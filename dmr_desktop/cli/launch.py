"""``launch APP``: another program, told by its environment to use this service as its model."""

import os
import shlex
import shutil
import subprocess
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass, field

from dmr_desktop.cli.launch_opencode import opencode_config
from dmr_desktop.cli.session import Session
from dmr_desktop.cli.status import find_doors
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.protocol.errors import DMRError, InvalidRequest
from dmr_desktop.protocol.short_names import short_name

_KEY = "dmr"
"""Any text will do: on this machine the service asks for no key."""


@dataclass(frozen=True, slots=True)
class App:
    """``environment`` and ``arguments`` may hold ``{root}``, the service's root URL. ``environment`` may also hold
    ``{opencode}``, and ``{model}``, with which it is left out where no model was asked for. With an ``image`` it
    runs in a container.
    """

    description: str
    environment: Mapping[str, str]
    model_option: str = ""
    image: str = ""
    port: int = 0
    container_port: int = 0
    volume: str = ""
    arguments: tuple[str, ...] = field(default=())


_OPENAI = {"OPENAI_BASE_URL": "{root}/v1", "OPENAI_API_BASE": "{root}/v1", "OPENAI_API_KEY": _KEY}

_CODEX = (
    'model_provider="dmr"',
    'model_providers.dmr.name="DMR Desktop"',
    'model_providers.dmr.base_url="{root}/v1"',
    'model_providers.dmr.wire_api="responses"',
)
"""Newer ones read no address from the environment: they would ask OpenAI itself."""

_CLAUDE_MODELS = tuple(f"ANTHROPIC_DEFAULT_{size}_MODEL" for size in ("HAIKU", "SONNET", "OPUS"))
"""By which its small jobs and its agents ask; without them it would be for Anthropic's own."""

APPS = {
    "anythingllm": App(
        "documents and chat in the browser",
        {"LLM_PROVIDER": "generic-openai", "GENERIC_OPEN_AI_BASE_PATH": "{root}/v1", "GENERIC_OPEN_AI_API_KEY": _KEY},
        image="mintplexlabs/anythingllm:latest",
        port=3001,
        container_port=3001,
        volume="anythingllm_storage:/app/server/storage",
    ),
    "claude": App(
        "Anthropic's coding assistant",
        {
            "ANTHROPIC_BASE_URL": "{root}/anthropic",
            "ANTHROPIC_API_KEY": _KEY,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            **dict.fromkeys(_CLAUDE_MODELS, "{model}"),
        },
        model_option="--model",
    ),
    "codex": App(
        "OpenAI's coding assistant",
        _OPENAI,
        model_option="--model",
        arguments=tuple(word for setting in _CODEX for word in ("-c", setting)),
    ),
    "openclaw": App("a personal assistant", _OPENAI),
    "opencode": App("an open coding assistant", {"OPENCODE_CONFIG_CONTENT": "{opencode}"}),
    "openwebui": App(
        "a chat in the browser",
        {
            "OPENAI_API_BASE_URL": "{root}/v1",
            "OPENAI_API_KEY": _KEY,
            "OLLAMA_BASE_URL": "{root}",
            "WEBUI_AUTH": "false",
        },
        image="ghcr.io/open-webui/open-webui:latest",
        port=3000,
        container_port=8080,
        volume="openwebui_data:/app/backend/data",
    ),
}


def launch(session: Session, options: Namespace) -> int:
    """The other program's exit code."""
    if not options.app:
        return _list(session)
    name = options.app.lower()
    app = APPS.get(name)
    if app is None:
        raise InvalidRequest(f"unsupported app {name!r}", hint=f"supported are {', '.join(APPS)}")
    doors = find_doors(session)
    root = doors.container_root() if app.image else doors.host_root
    words = {"root": root, "model": options.model}
    if "{opencode}" in app.environment.values():
        names = [short_name(tag) for model in session.client.models() for tag in model.tags]
        words["opencode"] = opencode_config(root, names, options.model)
    wanted = {key: value for key, value in app.environment.items() if options.model or value != "{model}"}
    environment = {key: value.format(**words) for key, value in wanted.items()}
    arguments = [argument.format(**words) for argument in app.arguments]
    if app.image:
        command = _container_command(app, environment, options)
    else:
        command = _host_command(name, app, arguments, options)
    if options.config:
        session.terminal.line(f"Configuration for {name} ({'container' if app.image else 'host'} app):")
        for key, value in environment.items():
            session.terminal.line(f"  {key}={value}")
        if arguments:
            session.terminal.line(f"Arguments: {shlex.join(arguments)}")
        return 0
    if options.dry_run:
        shown = [] if app.image else [f"{key}={shlex.quote(value)}" for key, value in environment.items()]
        session.terminal.line(f"Would run: {' '.join([*shown, shlex.join(command)])}")
        return 0
    if app.image and not doors.is_open_to_containers():
        raise InvalidRequest(f"{name} cannot reach the models", hint="`dmr enable --containers` lets containers in")
    if not app.image and isinstance(doors.endpoint, UnixEndpoint) and not doors.tcp.listening:
        raise InvalidRequest(f"{name} cannot reach the models: TCP is off", hint="`dmr enable --tcp` opens it")
    return _run(command, {} if app.image else environment)


def _list(session: Session) -> int:
    session.terminal.line("Supported apps:\n")
    for name, app in APPS.items():
        missing = "" if app.image or shutil.which(name) else " (not installed)"
        session.terminal.line(f"  {name:<15} {app.description}{missing}")
    session.terminal.line(f"\nUsage: {session.face.program} launch [APP] [-- APP_ARGS...]")
    return 0


def _host_command(name: str, app: App, arguments: list[str], options: Namespace) -> list[str]:
    if options.image or options.port or options.detach:
        raise InvalidRequest(f"--image, --port and --detach are for containers; {name} runs on this machine")
    model = [app.model_option, options.model] if options.model and app.model_option else []
    return [name, *arguments, *model, *options.handed_on]


def _container_command(app: App, environment: Mapping[str, str], options: Namespace) -> list[str]:
    command = ["docker", "run", "--rm", *(["-d"] if options.detach else [])]
    command += ["-p", f"127.0.0.1:{options.port or app.port}:{app.container_port}", "-v", app.volume]
    command += ["--add-host", "host.docker.internal:host-gateway"]
    for key, value in environment.items():
        command += ["-e", f"{key}={value}"]
    return [*command, options.image or app.image, *options.handed_on]


def _run(command: list[str], environment: Mapping[str, str]) -> int:
    if shutil.which(command[0]) is None:
        raise DMRError(f"{command[0]} is not installed", hint="install it, or see `dmr launch APP --config`")
    return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode
