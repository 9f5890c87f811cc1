"""httpx without its command-line program, which takes three times as long to load as all the rest.

The only importer of httpx in this room.
"""

import sys
from typing import cast

_PROGRAM = "httpx._main"

# None in sys.modules is Python's way to say that there is no such module; httpx then leaves its program out.
if "httpx" in sys.modules:
    import httpx
else:
    modules = cast("dict[str, object]", sys.modules)
    modules[_PROGRAM] = None
    try:
        import httpx
    finally:
        modules.pop(_PROGRAM, None)

__all__ = ["httpx"]
