"""Does this build of llama.cpp compute on this CPU? Run in a child process: where it does not, it dies.

A build can be wrong only for batches (see :mod:`.amx`), so a whole prompt is decoded, with a quantised
model that is made on the spot. Takes about half a second, most of it loading the library.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from dmr_desktop.engine.amx import refuse_amx
from dmr_desktop.engine.llama import Context, Model
from dmr_desktop.engine.tiny_model import write_tiny_model
from dmr_desktop.protocol.errors import RunnerError
from dmr_desktop.protocol.runners import EngineTuning

_PROMPT_TOKENS = 64


def run_selftest() -> None:
    """Computes a prompt. Raises :class:`RunnerError` if the result is no number, or dies of SIGILL or SIGSEGV."""
    with tempfile.TemporaryDirectory(prefix="dmr-selftest-") as folder:
        path = Path(folder) / "tiny.gguf"
        write_tiny_model(path)
        model = Model.load(path, gpu_layers=0, tuning=EngineTuning(load_mode="none"))
    try:
        size = _PROMPT_TOKENS
        context = Context(model, pool_size=256, num_sequences=1, n_batch=size, n_ubatch=size, threads=1)
        try:
            batch = context.batch
            batch.tokens[:size] = np.arange(size) + model.vocabulary.size // 2
            batch.positions[:size] = np.arange(size)
            batch.wanted[size - 1] = 1
            if not context.decode(size) or not np.isfinite(context.logits(1)).all():
                raise RunnerError("llama.cpp computes wrong results on this CPU.")
        finally:
            context.close()
    finally:
        model.close()


def main(arguments: list[str]) -> int:
    """``--refuse-amx`` tests the fallback. 0: all is well."""
    if "--refuse-amx" in arguments:
        refuse_amx()
    run_selftest()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
