import pytest

from dmr_desktop.protocol.pasted_names import pasted_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (" ai/smollm2 ", "ai/smollm2"),
        ("hf.co/org/repo:Q4_K_M", "hf.co/org/repo:Q4_K_M"),
        ("https://huggingface.co/Org/Repo-GGUF", "hf.co/Org/Repo-GGUF"),
        ("https://huggingface.co/org/repo/tree/main?x=1#files", "hf.co/org/repo"),
        ("http://hf.co/org/repo/", "hf.co/org/repo"),
        ("https://hub.docker.com/r/ai/smollm2", "ai/smollm2"),
        ("https://hub.docker.com/r/ai/smollm2/tags", "ai/smollm2"),
        ("https://huggingface.co/models", "https://huggingface.co/models"),
        ("https://example.com/r/ai/smollm2", "https://example.com/r/ai/smollm2"),
        ("", ""),
    ],
)
def test_the_address_of_a_page_names_its_model(text: str, name: str) -> None:
    assert pasted_name(text) == name
