"""What people copy out of their browser: the address of a model's page instead of its name. Pure."""

import re

_PAGES = (
    (re.compile(r"https?://(?:www\.)?(?:huggingface\.co|hf\.co)/([^/?#]+/[^/?#]+)(?:[/?#].*)?"), "hf.co/"),
    (re.compile(r"https?://hub\.docker\.com/r/([^/?#]+/[^/?#]+)(?:[/?#].*)?"), ""),
)


def pasted_name(text: str) -> str:
    """``text`` without blanks around it; of a page on Hugging Face or Docker Hub the name of its model."""
    text = text.strip()
    for page, prefix in _PAGES:
        if found := page.fullmatch(text):
            return prefix + found[1]
    return text
