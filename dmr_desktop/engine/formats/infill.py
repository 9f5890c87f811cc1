"""Prompts for a text with a gap, which models made for code can fill.

Such a model has tokens of its own for it: what stands before the gap follows the first, what stands behind it the
second, and behind the third the model writes what belongs in between.
"""

from dmr_desktop.engine.formats.control_text import ControlText
from dmr_desktop.engine.formats.vocabulary import Vocabulary
from dmr_desktop.protocol.errors import InvalidRequest


def infill_tokens(vocabulary: Vocabulary, control: ControlText, before: str, behind: str) -> list[int]:
    """The tokens of such a prompt. Nothing in the two texts becomes a control token. Raises :class:`InvalidRequest`."""
    if vocabulary.fim is None:
        raise InvalidRequest(
            "This model cannot fill in the middle of a text.",
            hint="Leave 'suffix' out, or use a model made for completing code.",
            param="suffix",
        )
    start, second, middle = vocabulary.fim
    tokens = [start, *control.plain(before), second, *control.plain(behind, is_first=False), middle]
    return control.with_bos(tokens)
