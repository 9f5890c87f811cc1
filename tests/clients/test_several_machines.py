"""Three services behind LiteLLM's proxy, as our configuration has them, and one of them dies under load.

Each listens at an address of its own (127.0.0.2 to .4) with an API key, as machines of a network do.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import openai
import pytest

from dmr_desktop.settings import asset
from tests.clients.litellm_program import LITELLM, MASTER_KEY, litellm_proxy
from tests.fixtures_live import DEMO, LiveService, start_live_service, stop_live_service

API_KEY = "the-key-of-all-three-machines"
NAMES = ("alpha", "beta", "gamma")
COOLDOWN_SECONDS = 3
NUM_CLIENTS = 6
NUM_QUESTIONS = 6
"""Of each client."""
SLOWEST_SECONDS = 60.0
QUESTION = "Tell me a long story about a cat."


def usable_port() -> int | None:
    """One that is free at all three addresses; None where this machine does not have such addresses."""
    sockets: list[socket.socket] = []
    try:
        port = 0
        for number in range(2, 2 + len(NAMES)):
            sockets.append(socket.socket())
            sockets[-1].bind((f"127.0.0.{number}", port))
            port = int(sockets[-1].getsockname()[1])
        return port
    except OSError:
        return None
    finally:
        for probe in sockets:
            probe.close()


PORT = usable_port()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(540),
    pytest.mark.skipif(LITELLM is None, reason="litellm is not installed"),
    pytest.mark.skipif(PORT is None, reason="this machine has no 127.0.0.2"),
]


class Machine:
    """One of them; it can die and come back at the same address with the same directories."""

    def __init__(self, number: int, directory: Path) -> None:
        self.host = f"127.0.0.{number}"
        self._directory = directory
        self.service: LiveService = self._start()

    def _start(self) -> LiveService:
        variables = {"DMR_BIND_ADDRESSES": self.host, "MODEL_RUNNER_PORT": str(PORT), "DMR_API_KEY": API_KEY}
        return start_live_service(self._directory, **variables)

    def kill(self) -> None:
        """SIGKILL, as a pulled plug; its runners end because their channel does."""
        self.service.process.kill()
        self.service.process.wait()

    def start_again(self) -> None:
        self.service = self._start()

    def states(self) -> list[str]:
        """Of its newest requests."""
        with self.service.http() as http:
            return [record["state"] for group in http.get("/engines/requests").json() for record in group["records"]]

    def num_answered(self) -> float:
        with self.service.http() as http:
            lines = http.get("/metrics").text.splitlines()
        done = [line for line in lines if line.startswith("dmr_requests_total{") and 'outcome="done"' in line]
        return sum(float(line.rpartition(" ")[2]) for line in done)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Machine]]:
    found: dict[str, Machine] = {}
    try:
        for number, name in enumerate(NAMES, start=2):
            found[name] = Machine(number, tmp_path_factory.mktemp(name))
        yield found
    finally:
        for machine in found.values():
            stop_live_service(machine.service)


@pytest.fixture(scope="module")
def client(machines: dict[str, Machine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    """It tries nothing again itself: that is the proxy's work."""
    changes = {f"http://{name}:12434": f"http://{machine.host}:{PORT}" for name, machine in machines.items()}
    changes["cooldown_time: 30"] = f"cooldown_time: {COOLDOWN_SECONDS}"
    home = tmp_path_factory.mktemp("litellm")
    with (
        litellm_proxy(asset("litellm/config-several.yaml"), changes, home, DMR_API_KEY=API_KEY) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key=MASTER_KEY, max_retries=0, timeout=SLOWEST_SECONDS) as found,
    ):
        yield found


def ask(client: openai.OpenAI) -> str:
    answer = client.chat.completions.create(
        model=DEMO, messages=[{"role": "user", "content": QUESTION}], temperature=0, max_tokens=120
    )
    return answer.choices[0].message.content or ""


def ask_streamed(client: openai.OpenAI) -> str:
    """The whole answer; raises if the stream breaks off."""
    with client.chat.completions.create(
        model=DEMO, messages=[{"role": "user", "content": QUESTION}], temperature=0, max_tokens=120, stream=True
    ) as stream:
        choices = [chunk.choices[0] for chunk in stream if chunk.choices]
    assert choices[-1].finish_reason in ("stop", "length")
    return "".join(choice.delta.content or "" for choice in choices)


def under_load(question: Callable[[], str], meanwhile: Callable[[], None]) -> tuple[list[str], list[float]]:
    """The answers to many clients, and how many seconds each took."""
    seconds: list[float] = []

    def one_client() -> list[str]:
        answers = []
        for _ in range(NUM_QUESTIONS):
            start = time.monotonic()
            answers.append(question())
            seconds.append(time.monotonic() - start)
        return answers

    with ThreadPoolExecutor(NUM_CLIENTS) as pool:
        clients = [pool.submit(one_client) for _ in range(NUM_CLIENTS)]
        meanwhile()
        return [answer for each in clients for answer in each.result()], seconds


def kill_while_busy(machine: Machine) -> None:
    deadline = time.monotonic() + SLOWEST_SECONDS
    while "running" not in machine.states():
        assert time.monotonic() < deadline, "it was given nothing to do"
        time.sleep(0.005)
    machine.kill()


def test_who_has_no_key_gets_nothing(machines: dict[str, Machine]) -> None:
    for machine in machines.values():
        base = f"http://{machine.host}:{PORT}/engines/v1"
        assert httpx.get(f"{base}/models").status_code == 401
        assert httpx.get(f"{base}/models", headers={"Authorization": f"Bearer {API_KEY}"}).status_code == 200


def test_all_of_them_work(client: openai.OpenAI, machines: dict[str, Machine]) -> None:
    expected = ask(client)
    answers, _ = under_load(lambda: ask(client), lambda: None)
    assert set(answers) == {expected}
    assert all(machine.num_answered() > 0 for machine in machines.values())


def test_every_question_is_answered_though_one_machine_dies(
    client: openai.OpenAI, machines: dict[str, Machine]
) -> None:
    expected, victim = ask(client), machines["beta"]
    others = [machines["alpha"], machines["gamma"]]
    before = [machine.num_answered() for machine in others]
    try:
        answers, seconds = under_load(lambda: ask(client), lambda: kill_while_busy(victim))
        assert len(answers) == NUM_CLIENTS * NUM_QUESTIONS
        assert set(answers) == {expected}
        assert max(seconds) < SLOWEST_SECONDS
        assert all(machine.num_answered() > count for machine, count in zip(others, before, strict=True))
    finally:
        victim.start_again()


def test_a_machine_that_comes_back_is_used_again(client: openai.OpenAI, machines: dict[str, Machine]) -> None:
    """After the test before; on its own it shows little."""
    time.sleep(COOLDOWN_SECONDS + 1)
    back = machines["beta"]
    before = back.num_answered()
    under_load(lambda: ask(client), lambda: None)
    assert back.num_answered() > before


def test_a_stream_from_a_dying_machine_ends_and_never_hangs(
    client: openai.OpenAI, machines: dict[str, Machine]
) -> None:
    """What was already said cannot be taken back, so such a stream may end in an error; the next one is whole."""
    expected, victim = ask_streamed(client), machines["gamma"]
    broken: list[openai.APIError | AssertionError] = []
    lock = threading.Lock()

    def insist() -> str:
        while True:
            try:
                return ask_streamed(client)
            except (openai.APIError, AssertionError, httpx.HTTPError) as error:
                with lock:
                    broken.append(error)
                assert len(broken) <= NUM_CLIENTS, "only what was under way may break"

    try:
        answers, seconds = under_load(insist, lambda: kill_while_busy(victim))
        assert set(answers) == {expected}
        assert max(seconds) < SLOWEST_SECONDS
    finally:
        victim.start_again()
