"""OpenCode's configuration, which it takes from a variable: it knows no models but those that it is told. Pure."""

import json
from collections.abc import Sequence

_PROVIDER = "dmr"


def opencode_config(root: str, names: Sequence[str], wanted: str) -> str:
    """``names`` are the models that can be chosen there, ``wanted`` ("": none) the one to begin with."""
    models = list(dict.fromkeys([*([wanted] if wanted else ()), *names]))
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "DMR Desktop",
        "options": {"baseURL": f"{root}/v1"},
        "models": {name: {"name": name} for name in models},
    }
    begin = {"model": f"{_PROVIDER}/{models[0]}"} if models else {}
    return json.dumps({**begin, "provider": {_PROVIDER: provider}})
