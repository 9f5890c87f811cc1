"""Where the references of a JSON schema lead."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import quote, unquote

from dmr_desktop.protocol.json_types import JSON

_MOST_LOOKED_AT = 5000
_AS_IT_IS = "~!$&'()*+,;=:@"


def target(reference: str, root: Mapping[str, JSON]) -> JSON:
    """What ``reference`` names in ``root``. Raises LookupError, which says where it leads instead."""
    return _found(reference, root)[1]


def pointer(reference: str, root: Mapping[str, JSON], base: str = "#") -> str:
    """``reference`` in the form that every reader knows: the way from the root at ``base``. Raises LookupError."""
    steps, _ = _found(reference, root)
    return base + "".join(f"/{quote(step.replace('~', '~0').replace('/', '~1'), safe=_AS_IT_IS)}" for step in steps)


def _found(reference: str, root: Mapping[str, JSON]) -> tuple[tuple[str, ...], JSON]:
    """The way to what is meant, and that."""
    if reference == "#":
        return (), root
    if not reference.startswith("#/"):
        name, key = (reference[1:], "$anchor") if reference.startswith("#") else (reference, "$id")
        for way, node in _nodes(root):
            if isinstance(node, Mapping) and node.get(key) == name:
                return way, node
        raise LookupError("leads nowhere" if key == "$anchor" else "leads out of it")
    here: JSON = root
    steps = []
    for step in reference[2:].split("/"):
        # Those who write a schema by hand write names as they are; a URI has its blanks and brackets in percents.
        for spelled in (step, unquote(step)):
            name = spelled.replace("~1", "/").replace("~0", "~")
            if isinstance(here, Mapping) and name in here:
                here = here[name]
                break
            if isinstance(here, Sequence) and not isinstance(here, str) and name.isdigit() and int(name) < len(here):
                here = here[int(name)]
                break
        else:
            raise LookupError("leads nowhere")
        steps.append(name)
    return tuple(steps), here


def _nodes(root: JSON) -> Iterator[tuple[tuple[str, ...], JSON]]:
    """Every part of the schema and the way there, those near the root first."""
    waiting: list[tuple[tuple[str, ...], JSON]] = [((), root)]
    for way, node in waiting:
        yield way, node
        if isinstance(node, Mapping):
            waiting += [((*way, str(key)), value) for key, value in node.items()]
        elif isinstance(node, Sequence) and not isinstance(node, str):
            waiting += [((*way, str(at)), value) for at, value in enumerate(node)]
        if len(waiting) > _MOST_LOOKED_AT:
            return
