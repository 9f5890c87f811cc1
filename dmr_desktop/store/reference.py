"""What a model is called: normalising and parsing references. Pure.

``registry/repository:tag@digest``, in the grammar of distribution references, with Docker Model Runner's
defaults: registry ``docker.io``, organisation ``ai``, tag ``latest``; ``hf.co`` is ``huggingface.co``; names are
lower-cased, tags are not. Hosts that only serve to reach inside (numeric spellings, link-local) are no
registries. Ids and short ids are not references: the store resolves them before it parses.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from dmr_desktop.protocol.errors import InvalidReference, InvalidRequest
from dmr_desktop.store.addresses import refusal_of_host

DEFAULT_REGISTRY = "docker.io"
DEFAULT_ORGANISATION = "ai"
DEFAULT_TAG = "latest"
LOCAL_REGISTRY = "dmr.local"
"""Registry of models that never came from a network and are never looked up on one."""
HUGGING_FACE = "huggingface.co"

MAX_NAME = 255
"""Characters of ``registry/repository``."""
_MAX_TEXT = 1024

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_HOST = re.compile(rf"(?P<name>{_LABEL}(?:\.{_LABEL})*|\[(?P<v6>[0-9a-f:.]+)\])(?::(?P<port>[0-9]{{1,5}}))?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SHORT_ID = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}")

_HINT = "write it as [registry/]organisation/model[:tag], e.g. ai/smollm2:latest"


def is_digest(text: object) -> bool:
    """``sha256:`` and 64 lower-case hex digits: the only form that may become part of a path or URL."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def looks_like_id(text: str) -> bool:
    """A full id, its hex part, or a short id (12 hex digits)."""
    return is_digest(text) or _SHORT_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Reference:
    """One parsed reference, all defaults filled in. ``registry`` may carry a port; ``digest`` is optional."""

    registry: str
    repository: str
    tag: str = DEFAULT_TAG
    digest: str | None = None

    @property
    def tag_name(self) -> str:
        """The fully qualified tag under which a store lists the model; a digest is not part of it."""
        return f"{self.registry}/{self.repository}:{self.tag}"

    @property
    def host(self) -> str:
        """The registry without port and brackets."""
        match = _HOST.fullmatch(self.registry)
        assert match is not None
        return match["v6"] or match["name"]

    @property
    def port(self) -> int | None:
        match = _HOST.fullmatch(self.registry)
        assert match is not None
        return int(match["port"]) if match["port"] else None

    @property
    def is_local(self) -> bool:
        return self.host == LOCAL_REGISTRY

    @property
    def is_hugging_face(self) -> bool:
        return self.host == HUGGING_FACE

    def __str__(self) -> str:
        return self.tag_name if self.digest is None else f"{self.tag_name}@{self.digest}"


def parse_reference(text: str, default_registry: str = DEFAULT_REGISTRY) -> Reference:
    """The reference that ``text`` means.

    Raises :class:`InvalidReference`; its message never holds characters that a log or a page could trip over.
    """
    text = text.strip()
    if not text:
        raise _invalid(text, "it is empty")
    if len(text) > _MAX_TEXT or not text.isascii() or not text.isprintable():
        raise _invalid(text, "it holds characters that no reference may hold")
    name, at, digest = text.partition("@")
    if at and not is_digest(digest):
        raise _invalid(text, "its digest is not sha256: and 64 lower-case hex digits")
    if name.startswith("hf.co/"):
        name = f"{HUGGING_FACE}/{name.removeprefix('hf.co/')}"
    name, tag = _split_tag(name)
    if not _TAG.fullmatch(tag):
        raise _invalid(text, "its tag is not made of letters, digits, '_', '.' and '-', at most 128")
    if "/" not in name:
        name = f"{DEFAULT_ORGANISATION}/{name}"
    registry, repository = _split_registry(name.lower(), default_registry)
    _check_host(text, registry)
    if not _REPOSITORY.fullmatch(repository):
        raise _invalid(text, "its name does not follow the rules for repositories")
    if len(registry) + 1 + len(repository) > MAX_NAME:
        raise _invalid(text, f"its name is longer than {MAX_NAME} characters")
    return Reference(registry, repository, tag, digest or None)


def _split_tag(name: str) -> tuple[str, str]:
    colon = name.rfind(":")
    if colon <= name.rfind("/"):
        return name, DEFAULT_TAG
    return name[:colon], name[colon + 1 :] or DEFAULT_TAG


def _split_registry(name: str, default_registry: str) -> tuple[str, str]:
    first, _, rest = name.partition("/")
    if first != "localhost" and not any(sign in first for sign in ".:["):
        return default_registry, name
    registry = DEFAULT_REGISTRY if first == "index.docker.io" else first
    if registry == DEFAULT_REGISTRY and "/" not in rest:
        rest = f"{DEFAULT_ORGANISATION}/{rest}"
    return registry, rest


def check_port(reference: Reference, configured: Collection[str]) -> None:
    """Refuse to connect to ports where no registry lives but other services do, unless the settings list it.

    Raises :class:`InvalidRequest`.
    """
    port = reference.port
    if port is not None and port < 1024 and port not in (80, 443) and reference.registry not in configured:
        raise InvalidRequest(
            f"{reference.registry} is not asked: port {port} is seldom a registry's",
            hint=f"if one is there, add {reference.registry} to `insecure_registries` in config.toml",
        )


def _check_host(text: str, registry: str) -> None:
    match = _HOST.fullmatch(registry)
    if match is None:
        raise _invalid(text, "its registry is not a host name")
    refusal = refusal_of_host(match["v6"] or match["name"])
    if refusal:
        raise _invalid(text, refusal)
    if not 0 < int(match["port"] or 443) < 65536:
        raise _invalid(text, "its port is not between 1 and 65535")


def _invalid(text: str, why: str) -> InvalidReference:
    shown = ascii(text if len(text) <= 120 else text[:117] + "...")[1:-1]
    return InvalidReference(f'invalid model reference "{shown}": {why}', hint=_HINT)
