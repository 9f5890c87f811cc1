"""Where the references of a JSON schema lead."""

from collections.abc import Mapping, Sequence

from dmr_desktop.protocol.json_types import JSON


def target(reference: str, root: Mapping[str, JSON]) -> JSON:
    """What ``reference`` names in ``root``. Raises LookupError, which says where it leads instead."""
    if not reference.startswith("#"):
        raise LookupError("leads out of it")
    here: JSON = root
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(here, Mapping) and name in here:
            here = here[name]
        elif isinstance(here, Sequence) and not isinstance(here, str) and name.isdigit() and int(name) < len(here):
            here = here[int(name)]
        else:
            raise LookupError("leads nowhere")
    return here
