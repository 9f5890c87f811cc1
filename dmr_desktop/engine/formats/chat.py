"""The face of the formats layer (signatures first; bodies follow)."""

from dataclasses import dataclass

from dmr_desktop.engine.formats.vocabulary import Vocabulary
from dmr_desktop.protocol.generation import Event, FinishReason, GenerationRequest, TokenLogprob


class OutputParser:
    @property
    def is_reasoning(self) -> bool:
        raise NotImplementedError

    def feed(self, text: str, logprobs: tuple[TokenLogprob, ...] = ()) -> list[Event]:
        raise NotImplementedError

    def finish(self, reason: FinishReason, stop: str | None = None) -> list[Event]:
        """Last events; the last of them is ChoiceFinished."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Prepared:
    tokens: list[int]
    stop: tuple[str, ...]
    grammar: str | None
    visible_tokens: frozenset[int]
    prompt_text: str

    def new_parser(self, choice: int) -> OutputParser:
        raise NotImplementedError


class ChatFormatter:
    def __init__(self, vocabulary: Vocabulary, template_source: str | None, *, override: str | None = None) -> None:
        raise NotImplementedError

    def prepare(self, request: GenerationRequest) -> Prepared:
        """Raises InvalidRequest."""
        raise NotImplementedError

    def describe(self) -> str:
        raise NotImplementedError
