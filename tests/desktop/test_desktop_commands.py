"""What goes over the wire for each command, and what comes of the answer."""

from dataclasses import replace

from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from dmr_desktop.desktop.problems import Problem
from dmr_desktop.desktop.state import ModelEntry
from dmr_desktop.protocol.notices import TcpStatus
from dmr_desktop.protocol.runners import Mode, RunnerState, RunnerStatus
from tests.fakes.desktop_parts import Parts
from tests.fakes.fake_service import FakeService

MODEL = ModelEntry("sha256:" + "a" * 64, "ai/smollm2", ("docker.io/ai/smollm2:latest",), 5, architecture="llama")
RUNNER = RunnerStatus("llama.cpp", MODEL.id, "ai/smollm2", Mode.COMPLETION, RunnerState.READY)


def load_runner(qtbot: QtBot, parts: Parts, service: FakeService, *runners: RunnerStatus) -> None:
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("runners", {"runners": list(runners)})
    qtbot.waitUntil(lambda: parts.link.state.runners == runners)


def only_problem(parts: Parts) -> Problem:
    (problem,) = parts.problems
    assert isinstance(problem, Problem)
    return problem


def test_tcp(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    with qtbot.waitSignal(parts.commands.set_tcp(True).ended):
        pass
    with qtbot.waitSignal(parts.commands.set_tcp(True, 12500).ended):
        pass
    bodies = [request.body for request in service.seen("PUT", "/settings/tcp")]
    assert bodies == [{"enabled": True}, {"enabled": True, "port": 12500}]
    assert parts.problems == []


def test_load_asks_without_a_message(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    with qtbot.waitSignal(parts.commands.load(MODEL).ended):
        pass
    (request,) = service.seen("POST", "/engines/v1/chat/completions")
    assert request.body == {"model": "docker.io/ai/smollm2:latest", "messages": []}
    assert request.headers["X-Preload-Only"] == "true"


def test_an_encoder_is_loaded_for_embeddings(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    with qtbot.waitSignal(parts.commands.load(replace(MODEL, architecture="nomic-bert")).ended):
        pass
    assert len(service.seen("POST", "/engines/v1/embeddings")) == 1


def test_a_model_that_does_not_fit_is_a_problem(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    body = {"error": {"message": "needs 9 GB and 4 GB are free", "hint": "Unload ai/y."}}
    service.answer("POST", "/engines/v1/chat/completions", 507, body)
    with qtbot.waitSignal(parts.commands.load(MODEL).ended, check_params_cb=lambda ok: ok is False):
        pass
    problem = only_problem(parts)
    assert problem.title == "Could not load ai/smollm2"
    assert (problem.message, problem.hint) == ("needs 9 GB and 4 GB are free", "Unload ai/y.")


def test_unload(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    service.answer("POST", "/engines/unload", 200, {"unloaded_runners": 1})
    with qtbot.waitSignal(parts.commands.unload(MODEL.id).ended, check_params_cb=lambda ok: ok is True):
        pass
    (request,) = service.seen("POST", "/engines/unload")
    assert request.body == {"all": False, "backend": "", "models": [MODEL.id]}


def test_a_model_in_use_is_not_unloaded_and_the_user_hears_why(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    service.answer("POST", "/engines/unload", 200, {"unloaded_runners": 0})
    with qtbot.waitSignal(parts.commands.unload("ai/smollm2").ended, check_params_cb=lambda ok: ok is False):
        pass
    assert "answering a request" in only_problem(parts).message


def test_delete(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.commands.delete(MODEL)
    qtbot.waitUntil(lambda: len(service.requests) == 1)
    assert (service.requests[0].method, service.requests[0].path) == ("DELETE", "/models/docker.io/ai/smollm2:latest")


def test_a_loaded_model_is_unloaded_before_it_is_deleted(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    load_runner(qtbot, parts, service, RUNNER)
    service.answer("POST", "/engines/unload", 200, {"unloaded_runners": 1})
    parts.commands.delete(MODEL)
    qtbot.waitUntil(lambda: len(service.requests) == 2)
    assert [request.method for request in service.requests] == ["POST", "DELETE"]


def test_a_name_among_others_goes_and_the_model_stays_loaded(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    load_runner(qtbot, parts, service, RUNNER)
    model = replace(MODEL, tags=("docker.io/ai/alias:latest", *MODEL.tags), name="ai/alias")
    parts.commands.deletions.want(model)
    (row,) = parts.panel.models.deletions.rows
    assert "The name ai/alias will be removed" in row.text.accessibleName()
    with qtbot.waitSignal(parts.commands.delete(model).ended):
        pass
    assert service.seen("POST", "/engines/unload") == []
    assert len(service.seen("DELETE", "/models/docker.io/ai/alias:latest")) == 1


def test_a_model_that_is_busy_is_not_deleted(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    load_runner(qtbot, parts, service, replace(RUNNER, active_requests=1))
    service.answer("POST", "/engines/unload", 200, {"unloaded_runners": 0})
    with qtbot.waitSignal(parts.commands.delete(MODEL).ended):
        pass
    qtbot.waitUntil(lambda: len(parts.problems) == 1)
    assert service.seen("DELETE", "/models/docker.io/ai/smollm2:latest") == []


def test_a_failed_runner_does_not_stand_in_the_way_of_a_delete(
    qtbot: QtBot, parts: Parts, service: FakeService
) -> None:
    load_runner(qtbot, parts, service, replace(RUNNER, state=RunnerState.FAILED, error="died"))
    parts.commands.delete(MODEL)
    qtbot.waitUntil(lambda: len(service.requests) == 1)
    assert service.requests[0].method == "DELETE"


def test_hostile_names_stay_in_the_path(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.commands.delete(replace(MODEL, tags=("ai/x?force=1#%2e",)))
    parts.commands.delete(replace(MODEL, tags=("ai/x/../../purge",)))
    qtbot.waitUntil(lambda: len(service.requests) == 2)
    assert {r.path for r in service.requests} == {"/models/ai/x%3Fforce%3D1%23%252e", f"/models/{MODEL.id}"}


def test_the_service_gone_is_a_problem_with_a_next_step(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    parts.launcher.service = None
    service.crash()
    with qtbot.waitSignal(parts.commands.set_tcp(True).ended, check_params_cb=lambda ok: ok is False):
        pass
    problem = only_problem(parts)
    assert problem.status == 0
    assert problem.hint


def test_copy_base_url_is_the_live_address(qtbot: QtBot, parts: Parts, service: FakeService) -> None:
    QGuiApplication.clipboard().setText("before")
    parts.commands.copy_base_url()
    assert QGuiApplication.clipboard().text() == "before"
    qtbot.waitUntil(lambda: service.num_listeners == 1)
    service.emit("tcp", TcpStatus(True, True, 12777))
    qtbot.waitUntil(lambda: parts.link.state.base_url is not None)
    parts.commands.copy_base_url()
    assert QGuiApplication.clipboard().text() == "http://localhost:12777/engines/v1"
