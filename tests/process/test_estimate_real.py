"""The memory estimate against real runners: what the kernel says they hold, with a model large enough to tell."""

from pathlib import Path

import pytest

from dmr_desktop.backends.llamacpp import LlamaCpp
from dmr_desktop.engine.tiny_model import TinyShape, write_tiny_model
from dmr_desktop.protocol.embedding import EmbeddingRequest
from dmr_desktop.protocol.generation import GenerationRequest, SamplingParams, TextPrompt
from dmr_desktop.protocol.runners import EngineTuning, LaunchSpec, Mode, RunnerConfig
from dmr_desktop.service.placement import load_of
from dmr_desktop.store.estimate import ModelShape, estimate, shape_of
from dmr_desktop.store.gguf import read_header
from tests.fixtures_live import LiveService

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]
PROMPT = GenerationRequest(TextPrompt("the water sound " * 200), SamplingParams(temperature=0.0), 4, ignore_eos=True)
# Without flash attention a step's memory grows with what the cache holds: the prompt fills it.
LONG_PROMPT = GenerationRequest(
    TextPrompt("the water sound " * 640), SamplingParams(temperature=0.0), 4, ignore_eos=True
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 120 MB."""
    path = tmp_path_factory.mktemp("model") / "mid.gguf"
    write_tiny_model(path, TinyShape(layers=12, width=1024, context_size=65536))
    return path


@pytest.fixture(scope="module")
def shallow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As wide, with few layers: what a step takes is the same, and steps are large on a slow machine too."""
    path = tmp_path_factory.mktemp("model") / "shallow.gguf"
    write_tiny_model(path, TinyShape(layers=2, width=1024, context_size=65536))
    return path


def memory_of(pid: int) -> tuple[int, int]:
    """Anonymous memory, and all that is resident, files of the page cache included."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    found = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return 1024 * found["Anonymous"], 1024 * found["Rss"]


def inspected(model: Path) -> ModelShape:
    return shape_of(read_header(model), model.stat().st_size)


async def held(model: Path, state: Path, mode: Mode, tokens: int, config: RunnerConfig) -> tuple[int, int]:
    """What a runner that has worked holds, as :func:`memory_of`."""
    runner = await LlamaCpp(state).start(
        LaunchSpec(str(model), mode, config, default_context_size=tokens), lambda line: None
    )
    try:
        if mode is Mode.EMBEDDING:
            await runner.embed(EmbeddingRequest(("the water " * 1900,)))
        else:
            async for _ in runner.generate(LONG_PROMPT if config.tuning.flash_attention == "off" else PROMPT):
                pass
        return memory_of(runner.pid)
    finally:
        await runner.stop()


CASES = {
    "4k": (Mode.COMPLETION, 4096, RunnerConfig()),
    "32k": (Mode.COMPLETION, 32768, RunnerConfig()),
    "32k in eight bits": (
        Mode.COMPLETION,
        32768,
        RunnerConfig(tuning=EngineTuning(cache_type_k="q8_0", cache_type_v="q8_0")),
    ),
    "small batches": (Mode.COMPLETION, 16384, RunnerConfig(tuning=EngineTuning(ubatch_size=128))),
    "no flash attention": (Mode.COMPLETION, 2048, RunnerConfig(tuning=EngineTuning(flash_attention="off"))),
    "embedding": (Mode.EMBEDDING, 4096, RunnerConfig()),
}
ABOUT_A_STEP = ("no flash attention", "embedding")


@pytest.mark.parametrize("name", CASES)
async def test_a_runner_holds_what_was_estimated(
    name: str, model: Path, shallow: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Not more than was set aside, or other programs would suffer; not much less, or models would be refused."""
    mode, tokens, config = CASES[name]
    chosen = shallow if name in ABOUT_A_STEP else model
    found = estimate(inspected(chosen), load_of(config, mode, tokens))
    anonymous, resident = await held(chosen, tmp_path_factory.getbasetemp(), mode, tokens, config)
    print(f"{name}: estimated {found.total_bytes >> 20} MiB {found}, anonymous {anonymous >> 20}, rss {resident >> 20}")
    assert anonymous < found.total_bytes
    assert found.total_bytes < 1.6 * resident


def test_asking_the_service(live_service: LiveService, model: Path) -> None:
    with live_service.http() as http:
        assert http.post("/models/package", json={"gguf": str(model), "target": "ai/mid"}).status_code == 201
        default = http.get("/models/ai/mid/fit").json()
        small, large = (http.get(f"/models/ai/mid/fit?context_size={tokens}").json() for tokens in (1024, 32768))
        assert default["context_size"] == 65536  # what the package says: what it was trained for
        assert large["kv_bytes"] == 32 * small["kv_bytes"] == 12 * 8 * 128 * 2 * 32768
        assert large["weights_bytes"] == small["weights_bytes"] >= model.stat().st_size
        assert small["fits"] is (small["total_bytes"] <= small["available_bytes"])
        assert small["max_context_that_fits"] <= 65536
        for bad in ("-1", "x", "1e9", "99999999999", "1.5"):
            assert http.get(f"/models/ai/mid/fit?context_size={bad}").status_code == 400
        assert http.get("/models/ai/none/fit").status_code == 404
        assert http.post("/models/ai/mid/tag", params={"repo": "org/fit", "tag": "latest"}).status_code == 201
        assert "docker.io/org/fit:latest" in http.get("/models/org/fit").json()["tags"]  # a model of that name
        assert http.delete("/models/org/fit").status_code == 200
        assert http.delete("/models/ai/mid").status_code == 200
