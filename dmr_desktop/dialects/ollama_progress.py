"""The lines of a pull or push in Ollama's words."""

import orjson

from dmr_desktop.protocol.models import Progress, ProgressMode

SUCCESS = {"status": "success"}
_DIGEST_DIGITS = 12


def line(value: object) -> bytes:
    return orjson.dumps(value) + b"\n"


def opening(mode: ProgressMode) -> dict[str, object]:
    """The first line."""
    return {"status": "pulling manifest" if mode == "pull" else "retrieving manifest"}


def progress_object(progress: Progress) -> dict[str, object]:
    """One line of the work under way."""
    if not progress.layer_id:
        return {"status": progress.message}
    short = progress.layer_id.removeprefix("sha256:")[:_DIGEST_DIGITS]
    return {
        "status": f"{progress.mode}ing {short}",
        "digest": progress.layer_id,
        "total": progress.layer_size,
        "completed": progress.layer_current,
    }
