"""Which files a launch spec gives a runner the right to read."""

import re
from pathlib import Path

from dmr_desktop.protocol.runners import LaunchSpec

_SHARD = re.compile(r"-\d{5}-of-(\d{5})(?=\.gguf$)")


def shards_of(spec: LaunchSpec) -> list[Path]:
    """The weights with all their parts (llama.cpp's ``name-00001-of-00003.gguf``)."""
    weights = Path(spec.weights)
    found = _SHARD.search(weights.name)
    count = int(found[1]) if found else 1
    return [weights.with_name(_SHARD.sub(rf"-{part:05d}-of-\1", weights.name)) for part in range(1, count + 1)]


def files_of(spec: LaunchSpec) -> list[Path]:
    """The weights, the projector, the template."""
    return [*shards_of(spec), *(Path(path) for path in (spec.mmproj, spec.chat_template) if path is not None)]
