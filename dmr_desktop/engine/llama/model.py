"""A GGUF file in memory: weights, metadata and vocabulary. Computes nothing."""

import ctypes
from enum import IntEnum
from functools import cached_property
from pathlib import Path

import llama_cpp

from dmr_desktop.engine.llama import library
from dmr_desktop.engine.llama.tuning import tune_model
from dmr_desktop.engine.llama.vocabulary import Vocabulary
from dmr_desktop.protocol.errors import RunnerError, RunnerStartFailed
from dmr_desktop.protocol.runners import AS_IT_IS, EngineTuning

_MAGIC = b"GGUF"


class Pooling(IntEnum):
    """How a model joins the vectors of a text's tokens into one (GGUF's ``pooling_type``)."""

    NONE = 0
    MEAN = 1
    CLS = 2
    LAST = 3
    RANK = 4


class Model:
    """Open from :meth:`load` to :meth:`close`; contexts must be closed first."""

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle
        vocabulary = llama_cpp.llama_model_get_vocab(handle)
        assert vocabulary is not None
        self.vocabulary = Vocabulary(vocabulary)

    @classmethod
    def load(cls, path: str | Path, *, gpu_layers: int = -1, tuning: EngineTuning = AS_IT_IS) -> "Model":
        """Reads the model at ``path``. ``gpu_layers`` -1: all that a GPU can take; 0: none.

        Raises :class:`RunnerStartFailed` for a file that is missing, not a GGUF, damaged or of an
        unknown architecture, with llama.cpp's own words as evidence.
        """
        path = Path(path)
        _check_file(path)
        library.start()
        library.forget_complaints()
        params = llama_cpp.llama_model_default_params()
        params.n_gpu_layers = gpu_layers
        tune_model(params, tuning)
        handle = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        if not handle:
            raise RunnerStartFailed(
                f"llama.cpp cannot load {path.name}.",
                hint="The file may be damaged or of an architecture that this version does not know; pull it again.",
                evidence=library.complaints(),
            )
        return cls(handle)

    @property
    def handle(self) -> int:
        """Of the C object. Raises :class:`RunnerError` after :meth:`close`."""
        if self._handle is None:
            raise RunnerError("The model is closed.")
        return self._handle

    def close(self) -> None:
        if self._handle is not None:
            llama_cpp.llama_model_free(self._handle)
            self._handle = None

    def chat_template(self, name: str | None = None) -> str | None:
        """The template in the GGUF: the default one, or a named one such as ``tool_use``; None if there is none."""
        found: bytes | None = llama_cpp.llama_model_chat_template(self.handle, name.encode() if name else None)
        return found.decode("utf-8", "replace") if found is not None else None

    def metadata(self, key: str) -> str | None:
        """A scalar of the GGUF's metadata as text, e.g. ``general.architecture``. Arrays cannot be read."""
        room = 256
        while True:
            buffer = ctypes.create_string_buffer(room)
            length = llama_cpp.llama_model_meta_val_str(self.handle, key.encode(), buffer, room)
            if length < 0:
                return None
            if length < room:
                return buffer.raw[:length].decode("utf-8", "replace")
            room = length + 1

    @cached_property
    def train_context_size(self) -> int:
        """Tokens the model was trained to hold."""
        return int(llama_cpp.llama_model_n_ctx_train(self.handle))

    @cached_property
    def embedding_length(self) -> int:
        return int(llama_cpp.llama_model_n_embd_out(self.handle))

    @cached_property
    def pooling(self) -> Pooling | None:
        """What the GGUF says, or None if it says nothing (most models made for text)."""
        value = self.metadata(f"{self.metadata('general.architecture')}.pooling_type")
        try:
            return None if value is None else Pooling(int(value))
        except ValueError:
            return None

    @cached_property
    def num_classes(self) -> int:
        """Numbers that a classifier head gives for a text; 1 if the GGUF does not say."""
        return max(1, int(llama_cpp.llama_model_n_cls_out(self.handle)))

    @cached_property
    def gives_probabilities(self) -> bool:
        """Whether llama.cpp ends the classifier head of this architecture with a softmax."""
        return self.metadata("general.architecture") in ("qwen3", "qwen3vl")

    @cached_property
    def is_recurrent(self) -> bool:
        """Whether (part of) its memory is a running state, of which no prefix can be kept (Mamba, hybrids)."""
        handle = self.handle
        return bool(llama_cpp.llama_model_is_recurrent(handle) or llama_cpp.llama_model_is_hybrid(handle))

    @cached_property
    def is_generative(self) -> bool:
        """Whether it can write text: it has a decoder and attends to the past only."""
        handle = self.handle
        causal = self.metadata(f"{self.metadata('general.architecture')}.attention.causal") != "false"
        has_decoder: bool = llama_cpp.llama_model_has_decoder(handle)
        return has_decoder and causal and not llama_cpp.llama_model_is_diffusion(handle)

    @cached_property
    def has_encoder(self) -> bool:
        """Whether texts must go through a separate encoder first (T5 and its like)."""
        return bool(llama_cpp.llama_model_has_encoder(self.handle))

    @cached_property
    def window(self) -> int:
        """Tokens of sliding-window attention; 0 without."""
        return max(0, int(llama_cpp.llama_model_n_swa(self.handle)))

    @cached_property
    def size_bytes(self) -> int:
        return int(llama_cpp.llama_model_size(self.handle))


def _check_file(path: Path) -> None:
    # llama.cpp only says that it failed; the two commonest causes deserve their own words.
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise RunnerStartFailed(
            f"The model file {path.name} cannot be read: {error.strerror}.", hint="Pull the model again."
        ) from error
    if magic != _MAGIC:
        raise RunnerStartFailed(
            f"{path.name} is not a GGUF file.", hint="Only models in GGUF format run on llama.cpp; pull one of those."
        )
