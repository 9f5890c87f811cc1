"""Model names and ids as DMR's CLI shows them. Pure."""

from dmr_desktop.protocol.models import Model
from dmr_desktop.protocol.short_names import short_name


def all_spellings(tag: str) -> list[str]:
    """A stored tag and its other spellings: without registry, ``ai/`` and ``:latest``, and with ``hf.co``."""
    found = [tag]
    if tag.startswith("docker.io/"):
        found.append(tag.removeprefix("docker.io/"))
        if found[-1].startswith("ai/"):
            found.append(found[-1].removeprefix("ai/"))
    if tag.startswith("huggingface.co/"):
        found.append("hf.co/" + tag.removeprefix("huggingface.co/"))
    return found + [name.removesuffix(":latest") for name in found if name.endswith(":latest")]


def short_id(model_id: str) -> str:
    """The first 12 hex characters."""
    return model_id.removeprefix("sha256:")[:12]


def sort_key(name: str) -> tuple[str, str]:
    """By base, then variant, without regard to case."""
    base, _, variant = name.lower().rpartition(":")
    return (base, variant) if base and "/" not in variant else (name.lower(), "")


def context_size(model: Model) -> int | None:
    """The configured context size, else the one the model was trained with."""
    if model.config.context_size is not None:
        return model.config.context_size
    architecture = model.config.gguf.get("general.architecture", "")
    text = model.config.gguf.get(f"{architecture}.context_length", "")
    return int(text) if text.isdecimal() else None


def matches(model: Model, wanted: str) -> bool:
    """Whether ``wanted`` is one of the model's tags, in whatever spelling, or the start of its id."""
    if wanted.removeprefix("sha256:").startswith(short_id(model.id)):
        return True
    name = short_name(wanted)
    return any(short_name(tag) == name or short_name(tag).rpartition(":")[0] == name for tag in model.tags)
