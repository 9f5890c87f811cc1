from pathlib import Path

from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.service.main import greeting

SOCKET = Path("/run/dmr.sock")
OFF, ON = TcpStatus(False, False, 12434), TcpStatus(True, True, 12434)


def test_a_program_reads_one_line() -> None:
    assert greeting(SOCKET, OFF, for_eyes=False) == "serving /run/dmr.sock"
    assert greeting(SOCKET, ON, for_eyes=False) == "serving /run/dmr.sock and http://localhost:12434"


def test_a_person_learns_how_to_go_on() -> None:
    off = greeting(SOCKET, OFF, for_eyes=True).splitlines()
    assert "`dmr enable --tcp` opens http://localhost:12434" in off[1]
    assert off[-1] == "Ctrl-C stops the service."
    assert len(greeting(SOCKET, ON, for_eyes=True).splitlines()) == 2
