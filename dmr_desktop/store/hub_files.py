"""Which files of a Hugging Face repository make up the model that was asked for. Pure.

A repository holds a model in many quantizations; the reference's tag names one. The rules are Docker Model Runner's,
but for one: a quantization that is not there is an error that names those that are, not silently another one.
"""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass

from dmr_desktop.protocol.errors import InvalidRequest, UnsupportedModel
from dmr_desktop.store.manifest import MAX_LAYERS, MAX_MODEL_BYTES
from dmr_desktop.store.package_directory import is_license

DEFAULT_QUANTIZATION = "Q4_K_M"
_ANY_TAG = {"", "latest", "main"}
_SHARD = re.compile(r"(?P<stem>.*)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_QUANTIZATION = re.compile(
    r"(?:^|[-._/])((?:UD-)?(?:I?Q\d[A-Z0-9_]*|TQ\d_\d|MXFP4[A-Z0-9_]*|BF16|FP?16|FP?32))(?=[-._/]|$)", re.IGNORECASE
)
_CONFIG_SUFFIXES = (".json", ".txt", ".md", ".vocab", ".jinja")
_MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file of a repository. ``sha256`` (hex) is known of large files, ``git_oid`` (SHA-1) of the others."""

    path: str
    size: int
    git_oid: str = ""
    sha256: str = ""

    @property
    def name(self) -> str:
        return posixpath.basename(self.path)


@dataclass(frozen=True, slots=True)
class Choice:
    """What to fetch. Exactly one kind of weights: ``gguf`` (all shards, in order) or ``safetensors``.

    ``others`` goes with safetensors: what their engines read. ``quantization`` is "" where there was none to choose.
    """

    gguf: tuple[HubFile, ...] = ()
    safetensors: tuple[HubFile, ...] = ()
    mmproj: HubFile | None = None
    template: HubFile | None = None
    licenses: tuple[HubFile, ...] = ()
    others: tuple[HubFile, ...] = ()
    quantization: str = ""

    @property
    def files(self) -> tuple[HubFile, ...]:
        single = tuple(file for file in (self.mmproj, self.template) if file is not None)
        return (*self.gguf, *self.safetensors, *single, *self.others, *self.licenses)


def choose(files: Sequence[HubFile], repository: str, tag: str) -> Choice:
    """The files of the model ``repository:tag``.

    Raises :class:`UnsupportedModel` (no weights, not all of their parts, or more than one model can have) and
    :class:`InvalidRequest` (no such quantization; the message lists those that are there).
    """
    choice = _choose(files, repository, tag)
    num_files, size = len(choice.files), sum(file.size for file in choice.files)
    if num_files > MAX_LAYERS or size > MAX_MODEL_BYTES:
        raise UnsupportedModel(
            f"{repository} is more than one model can be: {num_files} files, {size} bytes; at most {MAX_LAYERS} files",
            hint="is it the repository of one model?",
        )
    return choice


def _choose(files: Sequence[HubFile], repository: str, tag: str) -> Choice:
    files = sorted(files, key=lambda file: file.path)
    ggufs = [file for file in files if file.name.lower().endswith(".gguf")]
    safetensors = tuple(file for file in files if file.name.lower().endswith(".safetensors"))
    licenses = tuple(file for file in files if is_license(file.name) and "/" not in file.path and file.size)
    template = next((file for file in files if file.path.lower().endswith(".jinja") and "/" not in file.path), None)
    models = [file for file in ggufs if "mmproj" not in file.name.lower()]
    if models:
        weights, quantization = _quantized(models, repository, tag)
        mmproj = _projector([file for file in ggufs if file not in models])
        return Choice(weights, (), mmproj, template, licenses, (), quantization)
    if not safetensors:
        raise UnsupportedModel(f"no model weight files (GGUF or SafeTensors) found in repository {repository}")
    if tag not in _ANY_TAG:
        raise InvalidRequest(
            f"{repository} has no GGUF files to choose {tag} from, only safetensors", hint="pull it without a tag"
        )
    others = tuple(file for file in files if _is_config(file.name) and file not in licenses and file.size)
    return Choice(safetensors=safetensors, licenses=licenses, others=others)


def _quantized(models: Sequence[HubFile], repository: str, tag: str) -> tuple[tuple[HubFile, ...], str]:
    groups: dict[str, list[HubFile]] = {}
    for file in models:
        match = _SHARD.fullmatch(file.path)
        groups.setdefault(match["stem"] if match else file.path, []).append(file)
    if len(groups) == 1:
        (group,) = groups.values()
        return _whole(group), ""
    wanted = DEFAULT_QUANTIZATION if tag in _ANY_TAG else tag
    # The shortest name is the plain one: "m-Q4_K_M" rather than "m-UD-Q4_K_M".
    found = sorted((stem for stem in groups if _has_token(stem, wanted)), key=lambda stem: (len(stem), stem))
    if found:
        return _whole(groups[found[0]]), quantization_of(found[0]) or wanted
    if tag in _ANY_TAG:
        first = next(iter(groups))
        return _whole(groups[first]), quantization_of(first)
    there = sorted({name for stem in groups if (name := quantization_of(stem))})
    raise InvalidRequest(
        f"{repository} has no quantization {tag}; it has: {', '.join(there[:_MAX_SHOWN]) or 'none with a name'}"
    )


def quantization_of(path: str) -> str:
    """What a file's name says of its quantization, in upper case; "" if nothing."""
    found = _QUANTIZATION.findall(re.sub(r"\.gguf$", "", path, flags=re.IGNORECASE))
    return str(found[-1]).upper() if found else ""


def _has_token(stem: str, wanted: str) -> bool:
    text = re.sub(r"\.gguf$", "", stem, flags=re.IGNORECASE)
    return re.search(rf"(?:^|[-._/]){re.escape(wanted)}(?:[-._/]|$)", text, re.IGNORECASE) is not None


def _whole(group: Sequence[HubFile]) -> tuple[HubFile, ...]:
    """All shards in order. Raises :class:`UnsupportedModel` when one is missing."""
    matches = [_SHARD.fullmatch(file.path) for file in group]
    counts = {int(match["count"]) for match in matches if match}
    numbers = [int(match["number"]) for match in matches if match]
    if numbers and (len(counts) != 1 or numbers != list(range(1, counts.pop() + 1))):
        raise UnsupportedModel(f"parts of {group[0].name} are missing in the repository")
    return tuple(group)


def _projector(candidates: Sequence[HubFile]) -> HubFile | None:
    halves = [file for file in candidates if "f16" in file.name.lower()]
    return next(iter([*halves, *candidates]), None)


def _is_config(name: str) -> bool:
    lower = name.lower()
    return lower.endswith(_CONFIG_SUFFIXES) or lower == "tokenizer.model" or "chat_template" in lower
