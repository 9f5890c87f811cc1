"""What a template writes for small conversations with known words in every slot, and calls found in that."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from dmr_desktop.engine.formats.chat_format import CallBody
from dmr_desktop.engine.formats.probe import (
    CONTENT,
    REASONING,
    TOOLS,
    TYPED,
    Traits,
    assistant,
    prompt_behind_user,
    rendered_answer,
)
from dmr_desktop.engine.formats.template import ChatTemplate


class Renderings:
    """Answers with their headers and ends of turn, as the template shows them in a history; empty where it refuses.

    Each is rendered when it is first asked for.
    """

    def __init__(self, template: ChatTemplate, traits: Traits) -> None:
        self.template = template
        self.traits = traits

    @cached_property
    def plain(self) -> str:
        return rendered_answer(self.template, assistant(CONTENT))

    @cached_property
    def plain_beside_tools(self) -> str:
        return rendered_answer(self.template, assistant(CONTENT), TOOLS)

    @cached_property
    def thoughtful(self) -> str:
        return rendered_answer(self.template, assistant(CONTENT, reasoning=REASONING))

    @cached_property
    def thoughtful_call(self) -> str:
        return self._calls(1, reasoning=REASONING)

    @cached_property
    def one_call(self) -> str:
        return self._calls(1)

    @cached_property
    def two_calls(self) -> str:
        return self._calls(2)

    @cached_property
    def typed_call(self) -> str:
        """A call with the arguments of :data:`.probe.TYPED`."""
        return self._calls(1, arguments=TYPED.arguments)

    @cached_property
    def prompt(self) -> str:
        """What stands behind the user's words to ask for an answer."""
        return prompt_behind_user(self.template)

    @cached_property
    def prompt_beside_tools(self) -> str:
        return prompt_behind_user(self.template, TOOLS)

    def _calls(self, num_calls: int, *, reasoning: str = "", arguments: Mapping[str, Any] | None = None) -> str:
        message = assistant(
            "",
            reasoning=reasoning,
            num_calls=num_calls,
            object_arguments=self.traits.object_arguments,
            arguments=arguments,
        )
        return rendered_answer(self.template, message, TOOLS)


@dataclass(frozen=True, slots=True)
class FoundCall:
    """Where one call's body stands in a rendering. ``separators``: between items, between key and value of JSON."""

    start: int
    end: int
    body: CallBody
    separators: tuple[str, str] = (", ", ": ")
