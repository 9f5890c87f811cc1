"""One executable, every role: ``dmr serve``, ``dmr desktop``, the runner child, and the CLI verbs.

Imports are lazy: ``dmr ls`` loads neither Qt nor the engine.
"""

import sys


def main(argv: list[str] | None = None) -> int:
    arguments = sys.argv[1:] if argv is None else argv
    role = arguments[0] if arguments else ""
    if role == "docker-model":
        from dmr_desktop.cli.docker_plugin import main as plugin_main

        return plugin_main(arguments[1:])
    detached = "--detach" in arguments or "-d" in arguments
    if role == "runner":
        from dmr_desktop.runner.main import main as runner_main

        return runner_main(arguments[1:])
    if role == "serve" and not detached:
        try:
            from dmr_desktop.service.main import main as service_main
        except ModuleNotFoundError as error:
            return _tell_what_is_missing(error)

        return service_main(arguments[1:])
    if role == "desktop" and not detached and not {"enable", "disable"} & set(arguments):
        from dmr_desktop.desktop.main import main as desktop_main

        return desktop_main(arguments[1:])
    from dmr_desktop.cli.main import main as cli_main

    return cli_main(arguments)


def _tell_what_is_missing(error: ModuleNotFoundError) -> int:
    """Installed without its extras, this program is a client only."""
    if not error.name or error.name.startswith("dmr_desktop"):
        raise error
    sys.stderr.write(
        f"Not installed: the package {error.name}, which the service needs\n"
        '→ in a clone of the repository: `make setup`, or `pip install ".[service,engine]"`\n'
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
