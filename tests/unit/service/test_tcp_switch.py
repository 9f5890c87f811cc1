import asyncio
import json
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import InvalidRequest
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.service.api_keys import ApiKeys
from dmr_desktop.service.guard import OriginRule, checked_origins
from dmr_desktop.service.tcp_switch import TcpSwitch
from tests.fixtures_service import LiveInProcess, free_port

NO_KEYS = ApiKeys(Path("/nonexistent/api-key.json"), None)


async def test_origins_are_announced_and_remembered(tmp_path: Path) -> None:
    told: list[TcpStatus] = []
    file = tmp_path / "tcp.json"
    switch = TcpSwitch(file, 12434, told.append, NO_KEYS)
    await switch.set(True, origins=["https://a.example"])
    assert told[-1].origins == ("https://a.example",)
    assert TcpSwitch(file, 12434, told.append, NO_KEYS).status.origins == ("https://a.example",)
    await switch.set(True)
    assert switch.status.origins == ("https://a.example",), "not named, not touched"
    await switch.set(True, origins=[])
    assert told[-1].origins == ()


async def test_two_who_open_it_at_once_do_not_stand_in_each_others_way(live: LiveInProcess) -> None:
    port, tcp = free_port(), live.service.tcp
    first, second = await asyncio.gather(tcp.set(True, port), tcp.set(True, port))
    assert first.listening
    assert second.listening


@pytest.mark.parametrize("origins", [None, "x", [1, "https://a"], {"a": 1}])
def test_a_file_of_another_version_is_read_for_what_it_says(tmp_path: Path, origins: object) -> None:
    file = tmp_path / "tcp.json"
    file.write_text(json.dumps({"enabled": True, "port": 9, "origins": origins}))
    status = TcpSwitch(file, 12434, lambda status: None, NO_KEYS).status
    assert (status.enabled, status.port) == (True, 9)
    assert set(status.origins) <= {"https://a"}


def test_entries_that_could_never_match_are_refused() -> None:
    good = ("*", "https://a.example", "http://b:8080", "http://c:*", "app://obsidian.md", "http://[::1]:3000/")
    assert checked_origins(good) == good
    assert OriginRule(["http://c:*"]).allows("http://c:77")
    for bad in ("a.example", "https://a/b", "https://a b", "", "null", 7, None, "https://a?b"):
        with pytest.raises(InvalidRequest):
            checked_origins([bad])
