"""What two renderings begin and end with alike."""

import re


def common_start(left: str, right: str) -> int:
    """How many characters both begin with."""
    size = 0
    while size < min(len(left), len(right)) and left[size] == right[size]:
        size += 1
    return size


def common_end(left: str, right: str) -> int:
    """How many characters both end with."""
    return common_start(left[::-1], right[::-1])


def keep_markers_whole(text: str, cut: int, *, backward: bool) -> int:
    """``cut``, moved to the edge of the ``<...>`` or ``[...]`` that it would fall into."""
    for opening, closing in ("<>", "[]"):
        start = text.rfind(opening, 0, cut)
        end = text.find(closing, cut)
        if start < 0 or end < 0 or closing in text[start:cut] or re.search(r"[\s{]", text[start:cut]):
            continue
        cut = start if backward else end + 1
    return cut
