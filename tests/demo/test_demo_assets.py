"""The bundled demo model: what its file holds, and that its corpus is split honestly."""

from __future__ import annotations

import importlib
import json
import struct
from types import ModuleType
from typing import Any, BinaryIO

import pytest

from dmr_desktop.dialects import openai_chat
from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.llama import Model
from tests.demo.conftest import DEMO

MODEL = DEMO / "demo.gguf"
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


def _take(file: BinaryIO, layout: str) -> Any:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))[0]


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == 8:
        return file.read(_take(file, "<Q")).decode()
    if kind == 9:
        item, count = _take(file, "<I"), _take(file, "<Q")
        return [_value(file, item) for _ in range(count)]
    return _take(file, SCALARS[kind])


@pytest.fixture(scope="module")
def header() -> tuple[dict[str, Any], dict[str, list[int]]]:
    """The metadata and the tensors' shapes, read without any GGUF library."""
    with MODEL.open("rb") as file:
        assert file.read(4) == b"GGUF"
        _version, tensors, pairs = _take(file, "<I"), _take(file, "<Q"), _take(file, "<Q")
        metadata = {}
        for _ in range(pairs):
            key = _value(file, 8)
            metadata[key] = _value(file, _take(file, "<I"))
        shapes = {}
        for _ in range(tensors):
            name = _value(file, 8)
            shapes[name] = [_take(file, "<Q") for _ in range(_take(file, "<I"))]
            file.read(12)
    return metadata, shapes


def test_file_is_small() -> None:
    """The bundled model may have 6 MB at most."""
    assert MODEL.stat().st_size <= 6_000_000


def test_parameter_count_and_shape(header: tuple[dict[str, Any], dict[str, list[int]]]) -> None:
    """Between one and four million parameters in the llama architecture, with a context of 4096 tokens."""
    metadata, shapes = header
    parameters = 0
    for shape in shapes.values():
        size = 1
        for side in shape:
            size *= side
        parameters += size
    assert 1_000_000 <= parameters <= 4_000_000
    assert metadata["general.architecture"] == "llama"
    assert metadata["general.name"] == "DMR demo"
    assert metadata["general.license"] == "apache-2.0"
    assert metadata["llama.context_length"] == 4096
    assert "output.weight" not in shapes


def test_vocabulary_metadata(header: tuple[dict[str, Any], dict[str, list[int]]]) -> None:
    """Turns end with a control token, tool tags are printable, and no BOS is added."""
    metadata, shapes = header
    tokens, kinds = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.token_type"]
    assert len(tokens) == len(set(tokens)) == len(kinds) == shapes["token_embd.weight"][1]
    assert metadata["tokenizer.ggml.model"] == "gpt2"
    assert metadata["tokenizer.ggml.pre"] == "smollm"
    assert tokens[metadata["tokenizer.ggml.eos_token_id"]] == "<|im_end|>"
    assert metadata["tokenizer.ggml.eot_token_id"] == metadata["tokenizer.ggml.eos_token_id"]
    assert metadata["tokenizer.ggml.add_bos_token"] is False
    control, user_defined = 3, 4
    for token in ("<|im_start|>", "<|im_end|>", "<|endoftext|>"):
        assert kinds[tokens.index(token)] == control
    for token in ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"):
        assert kinds[tokens.index(token)] == user_defined


def test_template_in_the_file_is_the_one_in_the_folder(header: tuple[dict[str, Any], dict[str, list[int]]]) -> None:
    """The Jinja file beside the model is what the model carries."""
    metadata, _ = header
    assert metadata["tokenizer.chat_template"] == (DEMO / "chat_template.jinja").read_text(encoding="utf-8")


@pytest.mark.parametrize("side", ["train", "heldout"])
def test_template_renders_what_training_used(corpus: ModuleType, side: str) -> None:
    """The Jinja template and the corpus generator give the same text."""
    jinja2 = pytest.importorskip("jinja2")
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    template = environment.from_string((DEMO / "chat_template.jinja").read_text(encoding="utf-8"))
    composer = corpus.Composer(5, side)
    for _ in range(60):
        sample = composer.sample()
        for to_answer in (False, True):
            messages = sample.messages[:-1] if to_answer else sample.messages
            tools = corpus.offered(sample.tools) or None
            text = template.render(messages=messages, tools=tools, add_generation_prompt=to_answer)
            plain = text.replace(corpus.MARK_ON, "").replace(corpus.MARK_OFF, "")
            assert corpus.render_text(sample, to_answer) == plain


@pytest.mark.parametrize("side", ["train", "heldout"])
def test_the_product_renders_what_training_used(corpus: ModuleType, side: str) -> None:
    """A client that sends a conversation of the corpus, tools with their keys in any order, gets the trained prompt."""
    model = Model.load(MODEL, gpu_layers=0)
    formatter = ChatFormatter(model.vocabulary, model.chat_template())
    composer = corpus.Composer(61, side)
    with_tools = 0
    for _ in range(120):
        sample = composer.sample()
        text = json.dumps(sample.messages[:-1], ensure_ascii=False)
        for mark in (corpus.MARK_ON, corpus.MARK_OFF):
            text = text.replace(json.dumps(mark)[1:-1], "")
        body = {"model": "demo", "messages": json.loads(text)} | ({"tools": sample.tools} if sample.tools else {})
        prompt = formatter.prepare(openai_chat.parse(body).requests[0]).prompt_text
        trained = corpus.render_text(sample, to_answer=True)
        assert prompt == trained.replace(corpus.MARK_ON, "").replace(corpus.MARK_OFF, "")
        with_tools += bool(sample.tools)
    assert with_tools > 40


def test_corpus_is_deterministic(corpus: ModuleType) -> None:
    """The same seed gives the same conversations, another seed gives others."""
    first, second, other = (corpus.Composer(seed) for seed in (3, 3, 4))
    texts = [[corpus.render_text(c.sample()) for _ in range(20)] for c in (first, second, other)]
    assert texts[0] == texts[1] != texts[2]


def test_digests_tell_corpora_apart(corpus: ModuleType) -> None:
    """The same conversations have the same digest; another seed, side or skill has another one."""
    digest = importlib.import_module("corpus.__main__").digest
    digests = [digest(3, "train", "copy", 5) for _ in range(2)]
    digests += [digest(4, "train", "copy", 5), digest(3, "heldout", "copy", 5), digest(3, "train", None, 5)]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 4


def test_heldout_phrasings_are_disjoint_from_training(corpus: ModuleType) -> None:
    """Every fact has phrasings of both sides, and none is on both."""
    for intent in corpus.INTENTS:
        train = set(corpus.sides.split_templates(intent.templates, "train"))
        held = set(corpus.sides.split_templates(intent.templates, "heldout"))
        assert train
        assert held
        assert not train & held
        assert train | held == {template.lstrip("~") for template in intent.templates}


def test_more_phrasings_are_known_and_never_heldout(corpus: ModuleType) -> None:
    """What ``phrasings.txt`` adds belongs to intents that exist, and no wording of it is a held-out one."""
    intents = {intent.name: intent for intent in (*corpus.INTENTS, *corpus.EXTRA_FACTS)}
    held = corpus.knowledge.held_phrasings()
    assert set(corpus.intent.more_phrasings()) <= set(intents)
    for intent in intents.values():
        for template in (t for t in intent.templates if not t.startswith("~")):
            assert not held & corpus.templates.wordings(template), (intent.name, template)


def test_rewording_never_gives_a_heldout_phrasing(corpus: ModuleType) -> None:
    """Synonyms put into a training phrasing do not turn it into a held-out one."""
    composer = corpus.Composer(17)
    held = corpus.knowledge.held_phrasings()
    for intent in corpus.INTENTS:
        for _ in range(60):
            assert composer.knowledge.reword(composer.dice.template(intent.templates)).lower() not in held


def test_heldout_values_are_disjoint_from_training(corpus: ModuleType) -> None:
    """Made-up words, codes and tool names of one side never appear on the other."""
    sides = []
    for side in ("train", "heldout"):
        composer = corpus.Composer(9, side)
        words = {composer.words.word().lower() for _ in range(2000)}
        words |= {composer.words.code().lower() for _ in range(500)}
        words |= {composer.tool_names.made("get", composer.words.word()).lower() for _ in range(500)}
        sides.append(words)
    assert not sides[0] & sides[1]


def test_there_are_many_facts_with_many_phrasings(corpus: ModuleType) -> None:
    """The model is taught the answers to more than sixty questions, each asked in at least eight ways."""
    assert len(corpus.INTENTS) >= 60
    for intent in corpus.INTENTS:
        assert len(intent.templates) >= 8, intent.name
        assert all(key in intent.answer for key in intent.keys), intent.name


def test_ways_to_ask_for_real_tools_name_what_is_required(corpus: ModuleType) -> None:
    """Every way to ask, and every sentence, holds the required values and only values that are known and allowed."""
    interfaces = corpus.tools.interfaces
    seen = [(api.topic, api.params, api.asks) for api in (*interfaces.apis(), *interfaces.sentences())]
    seen += [(action.key, action.params, action.asks) for action in corpus.data.actions.ACTIONS]
    for topic, params, asks in seen:
        needed = {i for i, param in enumerate(params) if param.required}
        assert asks, topic
        for ask in asks:
            sure = {int(place) for place, _ in corpus.templates.PLACE.findall(corpus.templates.OPTIONAL.sub("", ask))}
            assert needed <= sure, (topic, ask)
            for place, fixed in corpus.templates.PLACE.findall(ask):
                kind = params[int(place)].kind
                if fixed and kind.startswith("enum:"):
                    assert fixed[1:] in [option for option, _ in corpus.values.options(kind)], (topic, ask)
                assert not fixed or kind == "bool" or kind.startswith("enum:"), (topic, ask)


def test_every_kind_of_value_is_known(corpus: ModuleType) -> None:
    """There is a value for every kind that the tools and sentences of the data name."""
    data, interfaces = corpus.data, corpus.tools.interfaces
    tools = (*interfaces.apis(), *interfaces.sentences(), *data.actions.ACTIONS, *data.tool_kinds.TOOL_KINDS)
    kinds = {param.kind for tool in tools for param in tool.params} - {"ref"}  # a ref is one of several kinds
    assert len(kinds) > 40
    dice = corpus.dice.Dice(3, "train")
    values = corpus.values.Values(dice, corpus.words.Words(dice))
    for kind in kinds:
        assert values.of(kind) not in (None, ""), kind
    with pytest.raises(KeyError):
        values.of("no such kind")


def test_heldout_real_tools_are_never_trained(corpus: ModuleType) -> None:
    """Tools of ``apis.txt`` that are held out as a whole never come up on the training side."""
    held = {api.topic for api in corpus.tools.interfaces.apis() if api.held}
    assert len(held) >= 10
    composer = corpus.Composer(23)
    trained = {tool.topic for _ in range(1500) for tool in composer.toolboxes.real.of_interfaces(3)}
    assert len(trained) > 200
    assert not trained & held


def test_real_tools_are_called_as_they_are_offered(corpus: ModuleType) -> None:
    """The expected calls name an offered tool, give the required parameters and fit the schema."""
    jsonschema = pytest.importorskip("jsonschema")
    for side in ("train", "heldout"):
        composer = corpus.Composer(31, side)
        for _ in range(300):
            sample = composer.sample("real_tools")
            offered = {tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in sample.tools}
            for name, arguments in sample.check.calls:
                jsonschema.validate(json.loads(arguments), offered[name])


def test_json_asked_for_in_words_has_the_keys_that_were_named(corpus: ModuleType) -> None:
    """Every key of the answer stands in the request, and no word that only says "and nothing else" is ever a key."""
    for side in ("train", "heldout"):
        composer = corpus.Composer(41, side)
        for _ in range(1500):
            exchange = composer.json_only.exchange()
            asked = f"{exchange.system or ''} {exchange.messages[0]['content']}"
            keys = set(json.loads(exchange.messages[-1]["content"]))
            assert not keys & {"nothing", "other", "only", "else", "JSON", "json", "no", "valid", "markdown"}, asked
            assert all(key in asked for key in keys) or keys == {"setup", "punchline"}, asked


def test_heldout_ways_to_ask_for_json_are_never_trained(corpus: ModuleType) -> None:
    """No wording of one side is one of the other."""
    lists = [
        value
        for name, value in vars(corpus.data.json_only).items()
        if name.endswith(("_SAID", "_SENTENCES", "_ENDINGS"))
    ]
    assert len(lists) == 7
    for templates in lists:
        sides = [corpus.sides.split_templates(templates, side) for side in ("train", "heldout")]
        wordings = [set().union(*(corpus.templates.wordings(t) for t in side)) for side in sides]
        assert all(wordings)
        assert not wordings[0] & wordings[1]
