"""llama.cpp's grammars (GBNF) in llguidance's language. llama.cpp's reader can end the process, this one refuses."""

from llguidance.gbnf_to_lark import gbnf_to_lark

from dmr_desktop.protocol.errors import InvalidRequest

_PARAM = "grammar"


def lark_of(text: str) -> str:
    """A grammar of its own that begins with ``start``. Raises :class:`InvalidRequest` for what is no GBNF.

    What begins with ``%llguidance`` is in that language already, as llama.cpp has it.
    """
    if text.lstrip().startswith("%llguidance"):
        return text
    try:
        return str(gbnf_to_lark(text))
    except RecursionError:
        raise InvalidRequest("The grammar is nested too deeply.", param=_PARAM) from None
    except Exception as error:  # it has no class for all that can be wrong
        raise InvalidRequest(
            f"The grammar cannot be read: {error}", hint="It is GBNF, with a rule named root.", param=_PARAM
        ) from error
