"""From a launch spec to a model that is ready to serve, in one of its modes."""

from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from dmr_desktop.engine.api import EngineFacts
from dmr_desktop.engine.embedding import EmbeddingEngine
from dmr_desktop.engine.engine import Engine
from dmr_desktop.engine.formats.chat import ChatFormatter
from dmr_desktop.engine.formats.pairs import PairFormat
from dmr_desktop.engine.llama import Model
from dmr_desktop.engine.llama.library import uses_cards
from dmr_desktop.engine.parked import Parking
from dmr_desktop.engine.ranking import RankingEngine
from dmr_desktop.protocol.errors import RunnerStartFailed, UnsupportedModel, WrongMode
from dmr_desktop.protocol.runners import LaunchSpec, Mode, RunnerFacts
from dmr_desktop.runner.completion import CompletionService
from dmr_desktop.runner.embedding import EmbeddingService
from dmr_desktop.runner.model_files import shards_of
from dmr_desktop.runner.offload import ALL_LAYERS, fewer_note, with_layers_that_fit
from dmr_desktop.runner.outbox import Outbox
from dmr_desktop.runner.ranking import RankingService
from dmr_desktop.store.abilities import Abilities, abilities_of, check_mode
from dmr_desktop.store.gguf import GGUFError, read_header

DEFAULT_CONTEXT_SIZE = 4096
_MIB = 1024 * 1024
_MAX_TEMPLATE_BYTES = _MIB
_NO_LIMIT = 1 << 62

ModelService: TypeAlias = CompletionService | EmbeddingService | RankingService


def load_service(spec: LaunchSpec, outbox: Outbox, notes: list[str]) -> tuple[ModelService, RunnerFacts]:
    """Loads the model; seconds to minutes. ``notes`` are what a user should know, and grow here.

    Raises :class:`WrongMode` for a model that cannot serve this mode, :class:`UnsupportedModel` for one that nothing
    can be done with, :class:`RunnerStartFailed` otherwise.
    """
    if spec.mode is Mode.RERANKING:
        check_mode(_abilities(spec), spec.mode, is_wanted=True)
    if spec.config.gpu_layers != ALL_LAYERS or not uses_cards():
        return _load(spec, outbox, notes)

    def load_on_card(layers: int) -> tuple[ModelService, RunnerFacts]:
        return _load(replace(spec, config=replace(spec.config, gpu_layers=layers)), outbox, list(notes))

    num_layers = _num_layers(spec)
    (service, facts), layers = with_layers_that_fit(load_on_card, num_layers)
    if layers != ALL_LAYERS:
        facts = replace(facts, notes=(*facts.notes, fewer_note(layers, num_layers)))
    return service, facts


def _load(spec: LaunchSpec, outbox: Outbox, notes: list[str]) -> tuple[ModelService, RunnerFacts]:
    template = _template(spec)
    model = Model.load(spec.weights, gpu_layers=spec.config.gpu_layers, tuning=spec.config.tuning)
    try:
        return _serve(spec, model, template, outbox, notes)
    except Exception:
        model.close()
        raise


def _serve(
    spec: LaunchSpec, model: Model, template: str | None, outbox: Outbox, notes: list[str]
) -> tuple[ModelService, RunnerFacts]:
    if spec.mode is Mode.EMBEDDING:
        vectors = EmbeddingEngine.open(
            model, context_size=_context_size(spec, model, None), threads=spec.config.threads
        )
        return EmbeddingService(model, vectors, outbox), _facts(vectors.facts, "none: embeddings", notes)
    if spec.mode is Mode.RERANKING:
        ranking = RankingEngine.open(model, context_size=_pair_size(spec, model), threads=spec.config.threads)
        pairs = PairFormat(model.vocabulary, model.chat_template("rerank"))
        return RankingService(model, ranking, pairs, outbox), _facts(ranking.facts, pairs.describe(), notes)
    if not model.is_generative:
        raise WrongMode("this model makes embeddings; it cannot generate text", hint="use it with /v1/embeddings")
    if spec.mmproj is not None:
        notes.append("This version reads no images: the model's vision part is not used.")
    wanted = _context_size(spec, model, DEFAULT_CONTEXT_SIZE)
    assert wanted is not None
    engine = Engine.open(
        model,
        context_size=wanted,
        num_sequences=spec.config.num_sequences,
        threads=spec.config.threads,
        tuning=spec.config.tuning,
        parking=_parking(spec),
    )
    formatter = ChatFormatter(model.vocabulary, template or model.chat_template())
    return CompletionService(model, engine, formatter, outbox), _facts(engine.facts, formatter.describe(), notes)


def _parking(spec: LaunchSpec) -> Parking:
    config = spec.config
    match config.tuning.cache_ram:
        case None:
            most = spec.cache_ram_bytes
        case -1:
            most = _NO_LIMIT
        case mebibytes:
            most = mebibytes * _MIB
    on_cards = uses_cards() and config.gpu_layers != 0 and config.tuning.kv_offload is not False
    return Parking(most, is_eager=not on_cards)


def _abilities(spec: LaunchSpec) -> Abilities:
    try:
        return abilities_of([read_header(part) for part in shards_of(spec)])
    except OSError as error:
        raise RunnerStartFailed(f"the model cannot be read: {error.strerror}", hint="pull it again") from error


def _num_layers(spec: LaunchSpec) -> int:
    """0 where the file does not say."""
    try:
        return read_header(shards_of(spec)[0]).number("block_count") or 0
    except (OSError, GGUFError):
        return 0


def _context_size(spec: LaunchSpec, model: Model, default: int | None) -> int | None:
    """Tokens: what was configured, else the model's own wish, else ``default``; never more than it was trained for."""
    most = model.train_context_size
    wanted = spec.config.context_size or spec.default_context_size or default
    if wanted is None:
        return None
    if wanted < 0:
        return most or DEFAULT_CONTEXT_SIZE
    return min(wanted, most) if most > 0 and not spec.config.tuning.stretches_context else wanted


def _pair_size(spec: LaunchSpec, model: Model) -> int | None:
    """Tokens of a pair, if they were configured: the service's default is meant for conversations."""
    return _context_size(spec, model, None) if spec.config.context_size else None


def _template(spec: LaunchSpec) -> str | None:
    """The chat template that came as a file of its own."""
    if spec.chat_template is None:
        return None
    try:
        with Path(spec.chat_template).open("rb") as file:
            data = file.read(_MAX_TEMPLATE_BYTES + 1)
    except OSError as error:
        raise RunnerStartFailed(f"the model's chat template cannot be read: {error.strerror}") from error
    if len(data) > _MAX_TEMPLATE_BYTES:
        raise UnsupportedModel(f"the model's chat template is larger than {_MAX_TEMPLATE_BYTES} bytes")
    return data.decode("utf-8", "replace")


def _facts(facts: EngineFacts, chat_format: str, notes: list[str]) -> RunnerFacts:
    return RunnerFacts(
        context_size=facts.context_size,
        train_context_size=facts.train_context_size,
        num_sequences=facts.num_sequences,
        vocab_size=facts.vocab_size,
        embedding_length=facts.embedding_length,
        chat_format=chat_format,
        notes=tuple(notes),
    )
