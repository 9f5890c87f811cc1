import pytest

from dmr_desktop.cli.names import context_size, matches, short_id, sort_key
from dmr_desktop.protocol.models import Model, ModelConfig
from dmr_desktop.protocol.short_names import short_name


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("docker.io/ai/smollm2:latest", "smollm2"),
        ("index.docker.io/ai/smollm2:360M", "smollm2:360M"),
        ("docker.io/me/x:latest", "me/x"),
        ("dmr.local/demo:latest", "dmr.local/demo"),
        ("huggingface.co/org/m:Q4_K_M", "huggingface.co/org/m:Q4_K_M"),
    ],
)
def test_short_names(tag: str, name: str) -> None:
    assert short_name(tag) == name


def test_ids_are_cut_to_twelve() -> None:
    assert short_id("sha256:0123456789abcdef") == "0123456789ab"


def test_order_is_by_base_then_variant_without_case() -> None:
    names = ["b:2", "B", "a:Z", "a:b", "reg:5000/c"]
    assert sorted(names, key=sort_key) == ["a:b", "a:Z", "B", "b:2", "reg:5000/c"]


def model(*tags: str, **config: object) -> Model:
    return Model("sha256:0123456789abcdef", tags, 0, ModelConfig(**config))  # type: ignore[arg-type]


def test_the_context_size_is_the_configured_or_the_trained_one() -> None:
    gguf = {"general.architecture": "llama", "llama.context_length": "8192"}
    assert context_size(model(gguf=gguf)) == 8192
    assert context_size(model(gguf=gguf, context_size=4096)) == 4096
    assert context_size(model(gguf={"llama.context_length": "8192"})) is None
    assert context_size(model(gguf={"general.architecture": "x", "x.context_length": "many"})) is None


@pytest.mark.parametrize(
    "wanted", ["smollm2", "ai/smollm2", "docker.io/ai/smollm2:360M", "smollm2:360M", "0123456789ab"]
)
def test_every_spelling_finds_a_model(wanted: str) -> None:
    assert matches(model("docker.io/ai/smollm2:360M"), wanted)


@pytest.mark.parametrize("wanted", ["smollm", "smollm2:latest2", "me/smollm2", "012345", "fedcba987654"])
def test_other_names_do_not(wanted: str) -> None:
    assert not matches(model("docker.io/ai/smollm2:360M"), wanted)
