from dmr_desktop.client.sse import ServerEvent, server_events


def test_events_names_comments_and_several_lines() -> None:
    lines = [": warm", "event: a", "data: 1", "data:2", "", "id: 7", "data:  x", "", "event: empty", "", "data: cut"]
    assert list(server_events(lines)) == [ServerEvent("a", "1\n2"), ServerEvent("message", " x")]
