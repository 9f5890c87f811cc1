"""Docker's ``install-runner`` and its kin. Docker's runner is a container; here it is the service.

Each says what it did, as it is not what Docker does.
"""

from argparse import Namespace

from dmr_desktop.cli.addresses import root_url
from dmr_desktop.cli.service_verbs import open_tcp, stop_service
from dmr_desktop.cli.session import Session
from dmr_desktop.client.discovery import start_service
from dmr_desktop.client.endpoint import UnixEndpoint
from dmr_desktop.protocol.errors import DMRError, InvalidRequest, ServiceUnreachable

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_REFUSED = {
    "llama_server_version": "the engine is part of this program",
    "proxy_cert": "the system's certificates are used",
    "tls": "the TCP port is for this machine only, and plain HTTP",
    "tls_port": "the TCP port is for this machine only, and plain HTTP",
    "tls_cert": "the TCP port is for this machine only, and plain HTTP",
    "tls_key": "the TCP port is for this machine only, and plain HTTP",
}


def install_runner(session: Session, options: Namespace) -> int:
    _check(session, options)
    _start(session)
    return _with_tcp(session, options)


def reinstall_runner(session: Session, options: Namespace) -> int:
    _check(session, options)
    _stop(session)
    _start(session)
    return _with_tcp(session, options)


def start_runner(session: Session, options: Namespace) -> int:
    _check(session, options)
    _start(session)
    return _with_tcp(session, options) if options.port or options.backend else 0


def restart_runner(session: Session, options: Namespace) -> int:
    _check(session, options)
    _stop(session)
    _start(session)
    return _with_tcp(session, options) if options.port or options.backend else 0


def stop_runner(session: Session, options: Namespace) -> int:
    _check_local(session)
    if options.models:
        _remove_models(session)
    _stop(session)
    return 0


def uninstall_runner(session: Session, options: Namespace) -> int:
    _check_local(session)
    if options.backend:
        session.client.uninstall_backend(options.backend)
        session.terminal.line(f"Backend {options.backend} is uninstalled.")
        return 0
    if options.models:
        _remove_models(session)
    try:
        session.client.set_tcp(False)
    except ServiceUnreachable:
        pass  # then it also listens nowhere
    _stop(session)
    session.terminal.line("Nothing else is installed: the program itself stays (pip uninstall dmr-desktop removes it).")
    return 0


def _check(session: Session, options: Namespace) -> None:
    """Refuse by name what would otherwise be ignored in silence."""
    _check_local(session)
    for name, reason in _REFUSED.items():
        if getattr(options, name):
            raise InvalidRequest(f"--{name.replace('_', '-')} is not offered: {reason}")
    if options.host not in _LOOPBACK:
        raise InvalidRequest(
            f"--host {options.host} is not offered: the TCP port is for this machine only",
            hint="docs/settings.md tells how containers and other machines get in",
        )
    if options.gpu not in ("auto", "none"):
        raise InvalidRequest(f"--gpu {options.gpu} is not offered: the engine uses what it was built for")


def _check_local(session: Session) -> None:
    if not isinstance(session.endpoint, UnixEndpoint):
        raise DMRError(
            f"this command is about this machine's service, but {session.endpoint} is set",
            hint="unset MODEL_RUNNER_HOST, or `dmr context use default`",
        )


def _start(session: Session) -> None:
    started = start_service(session.settings)
    session.terminal.line(f"The service {'has started' if started else 'is already running'}.")


def _stop(session: Session) -> None:
    session.terminal.line("The service has stopped." if stop_service(session) else "The service is not running.")


def _with_tcp(session: Session, options: Namespace) -> int:
    if options.backend and options.backend != "llama.cpp":
        session.client.install_backend(options.backend)
    tcp = open_tcp(session, options.port or session.client.tcp().port)
    session.terminal.line(f"TCP is open at {root_url(tcp)} for programs on this machine.")
    return 0


def _remove_models(session: Session) -> None:
    session.start_service()
    session.client.unload(all_models=True)
    session.client.purge()
    session.terminal.line("All models are removed.")
