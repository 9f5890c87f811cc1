import pytest

from dmr_desktop.service.paths import normalise_path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/models", "/models"),
        ("/models/", "/models/"),
        ("/models/ai/x:tag", "/models/ai/x:tag"),
        ("//models", "/models"),
        ("/models//ai//x/", "/models/ai/x"),
        ("//", "/"),
        ("/exp/vDD4.40", "/"),
        ("/exp/vDD4.40/models", "/models"),
        ("/exp/vDD4.40//models", "/models"),
        ("/exp/vDD4.401/models", "/exp/vDD4.401/models"),
        ("/a//../b", "/b"),
        ("//../../b", "/b"),
    ],
)
def test_paths(path: str, expected: str) -> None:
    assert normalise_path(path) == expected
