"""Which files of a repository are the model that was asked for."""

import re

import pytest

from dmr_desktop.protocol.errors import InvalidRequest, UnsupportedModel
from dmr_desktop.store.hub_files import Choice, HubFile, choose, quantization_of


def pick(tag: str, *paths: str) -> Choice:
    return choose([HubFile(path, 100) for path in paths], "Org/Model", tag)


def names(choice: Choice) -> list[str]:
    return [file.path for file in choice.gguf]


MANY = ("m-Q2_K.gguf", "m-Q4_K_M.gguf", "m-UD-Q4_K_M.gguf", "m-Q8_0.gguf", "m-IQ4_XS.gguf", "m-F16.gguf")


@pytest.mark.parametrize(
    ("tag", "weights", "quantization"),
    [
        ("latest", "m-Q4_K_M.gguf", "Q4_K_M"),
        ("main", "m-Q4_K_M.gguf", "Q4_K_M"),
        ("Q8_0", "m-Q8_0.gguf", "Q8_0"),
        ("q8_0", "m-Q8_0.gguf", "Q8_0"),
        ("Q4", "m-Q4_K_M.gguf", "Q4_K_M"),
        ("IQ4_XS", "m-IQ4_XS.gguf", "IQ4_XS"),
        ("UD-Q4_K_M", "m-UD-Q4_K_M.gguf", "UD-Q4_K_M"),
        ("F16", "m-F16.gguf", "F16"),
    ],
)
def test_one_of_many(tag: str, weights: str, quantization: str) -> None:
    choice = pick(tag, *MANY, "README.md", "config.json")
    assert names(choice) == [weights]
    assert choice.quantization == quantization
    assert choice.files == choice.gguf


@pytest.mark.parametrize("tag", ["Q5", "4_K_M", "Q5_K_M", "v2", "."])
def test_a_quantization_that_is_not_there(tag: str) -> None:
    with pytest.raises(
        InvalidRequest, match=f"Org/Model has no quantization {re.escape(tag)}; it has: F16, IQ4_XS, Q2_K, Q4_K_M"
    ):
        pick(tag, *MANY)


def test_without_the_default_the_first_is_taken() -> None:
    choice = pick("latest", "m-Q8_0.gguf", "m-Q5_0.gguf")
    assert names(choice) == ["m-Q5_0.gguf"]
    assert choice.quantization == "Q5_0"


def test_the_only_one_needs_no_name() -> None:
    assert names(pick("Q4_0", "model.gguf")) == ["model.gguf"]
    assert pick("latest", "model.gguf").quantization == ""


def test_all_shards_in_order() -> None:
    shards = [f"Q4_K_M/m-Q4_K_M-0000{n}-of-00003.gguf" for n in (1, 2, 3)]
    assert names(pick("latest", *reversed(shards), "m-Q2_K.gguf")) == shards
    by_folder = [f"BF16/m-0000{n}-of-00002.gguf" for n in (1, 2)]
    assert names(pick("BF16", *shards, *by_folder)) == by_folder
    with pytest.raises(UnsupportedModel, match="missing"):
        pick("latest", shards[0], shards[2])
    with pytest.raises(UnsupportedModel, match="missing"):
        pick("latest", *shards[:2], "m-Q4_K_M-00003-of-00004.gguf", "x-Q4_K_M-00001-of-00004.gguf")


def test_the_projector() -> None:
    def projector(*paths: str) -> str:
        choice = pick("latest", "m-Q4_K_M.gguf", *paths)
        assert names(choice) == ["m-Q4_K_M.gguf"]
        return choice.mmproj.path if choice.mmproj else ""

    assert projector() == ""
    assert projector("mmproj-m-Q8_0.gguf") == "mmproj-m-Q8_0.gguf"
    assert projector("mmproj-F32.gguf", "mmproj-F16.gguf") == "mmproj-F16.gguf"
    assert projector("mmproj-Q8_0.gguf", "mmproj-BF16.gguf") == "mmproj-BF16.gguf"


def test_template_and_licence() -> None:
    choice = pick("latest", "m.gguf", "chat_template.jinja", "tokenizer_config.json", "LICENSE", "sub/LICENSE")
    assert choice.template is not None
    assert choice.template.path == "chat_template.jinja"
    assert [file.path for file in choice.licenses] == ["LICENSE"]
    assert [file.path for file in choice.files] == ["m.gguf", "chat_template.jinja", "LICENSE"]


def test_safetensors() -> None:
    paths = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json")
    choice = pick("latest", *paths, "config.json", "tokenizer.model", "LICENSE", "pytorch_model.bin", "a.png")
    assert [file.path for file in choice.safetensors] == list(paths[:2])
    assert [file.path for file in choice.others] == ["config.json", paths[2], "tokenizer.model"]
    assert [file.path for file in choice.licenses] == ["LICENSE"]
    with pytest.raises(InvalidRequest, match="no GGUF"):
        pick("Q4_K_M", *paths)


def test_gguf_comes_before_safetensors() -> None:
    choice = pick("latest", "model.safetensors", "m.gguf", "config.json")
    assert [file.path for file in choice.files] == ["m.gguf"]


def test_nothing_to_run() -> None:
    for paths in ((), ("README.md",), ("mmproj-F16.gguf",), ("model.bin",)):
        with pytest.raises(UnsupportedModel, match=r"no model weight files \(GGUF or SafeTensors\) found"):
            pick("latest", *paths)


@pytest.mark.parametrize(
    ("path", "quantization"),
    [
        ("Qwen2.5-0.5B-Instruct-Q4_K_M.gguf", "Q4_K_M"),
        ("qwen2.5-0.5b-instruct-q4_k_m.gguf", "Q4_K_M"),
        ("model.fp16.gguf", "FP16"),
        ("gpt-oss-20b-MXFP4.gguf", "MXFP4"),
        ("m-UD-IQ1_S.gguf", "UD-IQ1_S"),
        ("Q8_0/m-00001-of-00002", "Q8_0"),
        ("model.gguf", ""),
        ("iq.gguf", ""),
    ],
)
def test_what_a_name_says(path: str, quantization: str) -> None:
    assert quantization_of(path) == quantization


@pytest.mark.parametrize("files", [[HubFile(f"m-{n:04d}.safetensors", 9) for n in range(1001)],
                                   [HubFile(f"{n}.safetensors", 1 << 61) for n in range(3)]])  # fmt: skip
def test_more_than_a_model_can_be_is_refused_before_it_is_fetched(files: list[HubFile]) -> None:
    with pytest.raises(UnsupportedModel, match="more than one model can be"):
        choose(files, "Org/Model", "latest")
