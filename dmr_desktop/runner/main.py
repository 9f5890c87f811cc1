"""The runner process: one model, served over an inherited channel until the service closes it.

Threads: the main one computes, ``reader`` listens, ``desk`` makes requests ready, ``sender`` answers.
"""

import argparse
import gc
import logging
import os
import socket
import sys
import threading
from pathlib import Path

from dmr_desktop.engine.amx import refuse_amx
from dmr_desktop.protocol.errors import DMRError, RunnerStartFailed
from dmr_desktop.protocol.runners import LaunchSpec
from dmr_desktop.protocol.wire import dump, load
from dmr_desktop.runner.cards import card_maker, unused_note
from dmr_desktop.runner.channel import Channel
from dmr_desktop.runner.cpu_check import AMX_NOTE, SELF_TEST, CpuVerdict, check_cpu
from dmr_desktop.runner.desk import Desk
from dmr_desktop.runner.hardening import die_with_parent, give_up_rights
from dmr_desktop.runner.model_files import files_of
from dmr_desktop.runner.outbox import Outbox
from dmr_desktop.runner.reader import Reader

_logger = logging.getLogger(__name__)

EXIT_LAUNCH_FAILED = 3
_SWITCH_SECONDS = 0.0005


def main(argv: list[str]) -> int:
    """``--channel-fd N`` serves; ``--self-test [--refuse-amx]`` tries the installed llama.cpp and exits 0 or dies."""
    die_with_parent()
    if argv[:1] == [SELF_TEST]:
        from dmr_desktop.engine.selftest import main as self_test

        return self_test(argv[1:])
    parser = argparse.ArgumentParser(prog="dmr runner", description="Serves one model to the service that started it.")
    parser.add_argument("--channel-fd", type=int, required=True)
    parser.add_argument("--state-dir", type=Path)
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # The threads hand the interpreter over at every step; the default of 5 ms would be a pause in each.
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        status = _serve(Channel(socket.socket(fileno=arguments.channel_fd)), arguments.state_dir)
    except BaseException:
        _logger.exception("the runner failed")
        status = 1
    # Without the library's destructors, which have nothing to save and may hang.
    os._exit(status)


def _serve(channel: Channel, state_dir: Path | None) -> int:
    """Returns an exit status if there is nothing to serve; otherwise never."""
    messages = channel.receive()
    first = next(messages, None)
    if first is None or first.get("op") != "launch":
        return 0
    outbox = Outbox(channel)
    reader = Reader(messages, outbox)
    try:
        spec = load(LaunchSpec, first.get("spec"))
        notes = [AMX_NOTE] if check_cpu(state_dir) is CpuVerdict.REFUSE_AMX and refuse_amx() else []
        maker = card_maker()
        give_up_rights(files_of(spec))
        # Only now threads, and llama.cpp, which starts some: they inherit what was given up.
        threading.Thread(target=outbox.run, name="sender", daemon=True).start()
        threading.Thread(target=reader.run, name="reader", daemon=True).start()
        from dmr_desktop.engine.llama.library import uses_cards
        from dmr_desktop.runner.load import load_service

        if maker is not None and not uses_cards():
            notes.append(unused_note(maker))
        service, facts = load_service(spec, outbox, notes)
    except Exception as error:
        _logger.exception("the model cannot be loaded")
        known = error if isinstance(error, DMRError) else RunnerStartFailed(f"the model cannot be loaded: {error}")
        channel.send({"op": "failed", "error": dump(known.info)})
        return EXIT_LAUNCH_FAILED
    _logger.info("chat format: %s", facts.chat_format)
    desk = Desk(service, outbox)
    threading.Thread(target=desk.run, name="desk", daemon=True).start()
    reader.serve(service, desk)
    outbox.put_message({"op": "ready", "facts": dump(facts)})
    # What loading left behind stays; looking at it again at every collection would be a pause in the stream.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)
    return service.run(lambda: desk.is_busy)
