"""Whose certificates are believed."""

import shutil
from pathlib import Path

import pytest

from dmr_desktop.protocol.errors import RegistryError
from dmr_desktop.store.trust import trust_of
from tests.real_registry import certificate

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)


def common_names(netloc: str, ca_file: Path | None = None) -> list[str]:
    found = []
    for authority in trust_of(netloc, ca_file).get_ca_certs():
        found += [value for part in authority["subject"] for name, value in part if name == "commonName"]  # type: ignore[union-attr, misc]
    return found


def test_an_authority_of_ones_own_adds_to_the_systems(tmp_path: Path) -> None:
    before = common_names("r.example")
    assert before
    assert set(common_names("r.example", certificate(tmp_path, "DNS:own.example"))) == {*before, "DNS:own.example"}


def test_dockers_folders_are_for_one_registry_each(tmp_path: Path) -> None:
    folder = tmp_path / ".docker" / "certs.d" / "r.example:5000"
    folder.mkdir(parents=True)
    shutil.copy(certificate(tmp_path, "DNS:team.example"), folder / "team.crt")
    assert "DNS:team.example" in common_names("r.example:5000")
    assert "DNS:team.example" not in common_names("r.example")


def test_ssl_cert_file_is_all_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate(tmp_path, "DNS:only.example")))
    assert "DNS:only.example" in common_names("r.example")
    assert not any("ISRG" in name for name in common_names("r.example"))


@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_file_that_is_no_use(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(RegistryError, match=r"cannot be used: ca\.pem"):
        trust_of("r.example", tmp_path / "ca.pem")
