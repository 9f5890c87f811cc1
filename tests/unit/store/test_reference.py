"""What references mean and which are refused (section 4 of DMR's HTTP contract; reliability's table)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmr_desktop.protocol.errors import InvalidReference, InvalidRequest
from dmr_desktop.store.reference import Reference, check_port, is_digest, looks_like_id, parse_reference

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("smollm2", "docker.io/ai/smollm2:latest"),
        ("  smollm2\n", "docker.io/ai/smollm2:latest"),
        ("smollm2:", "docker.io/ai/smollm2:latest"),
        ("AI/SmolLM2:360M-Q4_K_M", "docker.io/ai/smollm2:360M-Q4_K_M"),
        ("hf.co/Org/Model-GGUF", "huggingface.co/org/model-gguf:latest"),
        ("hf.co/Org/Model-GGUF:Q8_0", "huggingface.co/org/model-gguf:Q8_0"),
        ("registry.example.com:5000/a/b", "registry.example.com:5000/a/b:latest"),
        (f"ai/x@{DIGEST}", "docker.io/ai/x:latest"),
        (f"ai/x:1@{DIGEST}", "docker.io/ai/x:1"),
        ("index.docker.io/ai/x", "docker.io/ai/x:latest"),
        ("docker.io/x", "docker.io/ai/x:latest"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/x:y", "localhost:5000/x:y"),
        ("127.0.0.1:5000/ai/x", "127.0.0.1:5000/ai/x:latest"),
        ("[::1]:5000/ai/x", "[::1]:5000/ai/x:latest"),
        ("2130706433/x", "docker.io/2130706433/x:latest"),
        ("dmr.local/demo", "dmr.local/demo:latest"),
        ("a__b/c-d.e", "docker.io/a__b/c-d.e:latest"),
    ],
)
def test_what_it_is_stored_as(given: str, stored: str) -> None:
    assert parse_reference(given).tag_name == stored


def test_another_default_registry() -> None:
    assert parse_reference("x", "r.example:5000").tag_name == "r.example:5000/ai/x:latest"
    assert parse_reference("docker.io/ai/x", "r.example:5000").tag_name == "docker.io/ai/x:latest"


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "../x", "/etc/passwd", "file:///etc/passwd", "http://h.example/x", "oci://h.example/x",
        "user:pw@h.example/x", "h.example/x?y", "h.example/x#y", "ai/x\r\nHost: evil", "ai/x\0", "ai/a b", "ai\\x",
        "~/x", "-x", "ai/-x", "a//b", "ai/x/", ":t", "@", "x@", f"@{DIGEST}", f"x@{DIGEST}@{DIGEST}", "x:" + "t" * 129,
        "x:.tag", "ai/" + "x" * 300, "x@md5:" + "0" * 32, "x@sha256:abc", "x@" + DIGEST[:-1], "x@" + DIGEST.upper(),
        "ai/x\u202egpj", "ai/x;rm", "ai/$(id)", "ai/`id`", "ai/x|y", "ai/x&y", "ai/é", "h.example:0/x",
        "h.example:99999/x", "h.example:/x", "h..example/x", "h.example./x", ".h.example/x", "h_.example/x",
        # addresses where no registry may be, in every spelling
        "0.0.0.0/x", "0.0.0.0:5000/x", "169.254.169.254/x", "[fe80::1]/x", "[::]/x", "224.0.0.1/x", "255.255.255.255/x",
        "127.1/x", "127.0.1/x", "2130706433:80/x", "0x7f000001:80/x", "0x7f.0.0.1/x", "0177.0.0.1/x", "127.0.0.1./x",
        "[::ffff:169.254.169.254]/x", "[::ffff:127.0.0.1]/x", "[64:ff9b::a9fe:a9fe]/x", "[::127.0.0.1]/x",
        "[fe80::1%eth0]/x",        "[fd00:ec2::254]/x", "100.100.100.200/x", "a.b.0x1/x", "1.2.3.4.5/x", "256.1.1.1/x",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse_reference(text)
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 700


@pytest.mark.parametrize("text", ["10.0.0.5:5000/x", "192.168.1.2/x", "registry.internal:8443/x", "[fd12::5]:5000/x"])
def test_registries_in_the_local_network_are_fine(text: str) -> None:
    check_port(parse_reference(text), ())


def test_ports_of_other_services_are_refused_unless_listed() -> None:
    reference = parse_reference("h.example:22/x")
    with pytest.raises(InvalidRequest, match="port 22") as caught:
        check_port(reference, ("h.example:23",))
    assert not isinstance(caught.value, InvalidReference), "the name is right, and must not be called wrong"
    assert "h.example:22" in caught.value.hint
    check_port(reference, ("h.example:22",))
    for ordinary in ("h.example/x", "h.example:80/x", "h.example:443/x", "h.example:5000/x"):
        check_port(parse_reference(ordinary), ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [("354bf30d0aa3", True), (DIGEST, True), (DIGEST[7:], True), ("354bf30d0aa", False), ("354BF30D0AA3", False)],
)
def test_what_looks_like_an_id(text: str, expected: bool) -> None:
    assert looks_like_id(text) is expected


def test_digests_are_one_spelling_only() -> None:
    assert is_digest(DIGEST)
    for wrong in (
        None,
        5,
        "",
        DIGEST[:-1],
        DIGEST.upper(),
        DIGEST + "\n",
        "sha256:../../" + "a" * 58,
        "sha512:" + "a" * 128,
    ):
        assert not is_digest(wrong)


def test_parts_of_the_host() -> None:
    reference = parse_reference("[::1]:5000/x")
    assert (reference.host, reference.port) == ("::1", 5000)
    assert parse_reference("dmr.local:5000/x").is_local
    assert parse_reference("hf.co/a/b").is_hugging_face
    assert not parse_reference("ai/x").is_local


_component = st.from_regex(r"[a-z0-9]+([._-][a-z0-9]+)?", fullmatch=True)
_references = st.builds(
    Reference,
    registry=st.sampled_from(["docker.io", "localhost:5000", "r.example", "127.0.0.1:5001", "dmr.local"]),
    repository=st.lists(_component, min_size=2, max_size=4).map("/".join),
    tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    digest=st.sampled_from([None, DIGEST]),
)


@given(_references)
def test_what_is_written_reads_back_the_same(reference: Reference) -> None:
    assert parse_reference(str(reference)) == reference


@given(st.text(max_size=80) | st.from_regex(r"[a-z0-9.:/@_\[\]-]{0,60}", fullmatch=True))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidReference:
        return
    assert parse_reference(str(reference)) == reference
    assert ".." not in reference.repository
    assert str(reference).isascii()
