"""Debian's docker-registry as a child of the test, and what other tools push to it and copy from it."""

import json
import shutil
import socket
import ssl
import subprocess
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import pytest

from tests.fakes.faulty_registry import OCI_MANIFEST, digest, store_files

REGISTRY, SKOPEO = shutil.which("docker-registry"), shutil.which("skopeo")
needs_registry = pytest.mark.skipif(
    REGISTRY is None or SKOPEO is None, reason="docker-registry and skopeo are not installed"
)


HTPASSWD = "me:$2b$05$FnCxozIOtsdhGjMvK8mGTeTeGWuuUfrLkE2zWpSZnrjnlFPsOG7rK\n"
"""me:secret; bcrypt, which is all that docker-registry reads."""


class Registry:
    """docker-registry as a child of ours, on a loopback port, its data in a folder of the test's.

    ``certificate`` (PEM, its key beside it as ``.key``) makes it speak TLS only; ``with_password``: me, secret.
    """

    def __init__(self, folder: Path, *, certificate: Path | None = None, with_password: bool = False) -> None:
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{probe.getsockname()[1]}"
        self._scheme = "http" if certificate is None else "https"
        tls = "" if certificate is None else f", tls: {{certificate: '{certificate}', key: '{certificate}.key'}}"
        text = (
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: '{folder}/data'}}, delete: {{enabled: true}}}}\n"
            f"http: {{addr: '{self.host}', secret: test{tls}}}\n"
        )
        if with_password:
            (folder / "htpasswd").write_text(HTPASSWD)
            text += f"auth: {{htpasswd: {{realm: test, path: '{folder}/htpasswd'}}}}\n"
        self._config = folder / "config.yml"
        self._config.write_text(text)
        self._log = (folder / "log").open("wb")

    def restart(self) -> None:
        self._process.kill()
        self._process.wait()
        self.__enter__()

    def __enter__(self) -> Self:
        assert REGISTRY is not None
        command = [REGISTRY, "serve", str(self._config)]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)
        unverified = ssl.create_default_context()
        unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unverified)
        )
        for _ in range(300):
            try:
                opener.open(f"{self._scheme}://{self.host}/v2/", timeout=1).close()
                return self
            except urllib.error.HTTPError as answer:
                answer.close()
                return self
            except OSError:
                assert self._process.poll() is None
                threading.Event().wait(0.1)
        raise AssertionError("docker-registry does not answer")

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


def export(root: Path, model_id: str, folder: Path) -> Path:
    """A stored model as an OCI image layout, the form that other tools push."""
    manifest, blobs = store_files(root, model_id)
    (folder / "blobs" / "sha256").mkdir(parents=True)
    for content in (manifest, *blobs):
        (folder / "blobs" / "sha256" / digest(content).removeprefix("sha256:")).write_bytes(content)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    name = {"org.opencontainers.image.ref.name": "latest"}
    entry = {"mediaType": OCI_MANIFEST, "digest": model_id, "size": len(manifest), "annotations": name}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return folder


def push(layout: Path, target: str, *options: str) -> None:
    assert SKOPEO is not None
    command = [SKOPEO, "copy", "--preserve-digests", "--insecure-policy", "--dest-tls-verify=false", *options]
    subprocess.run([*command, f"oci:{layout}:latest", f"docker://{target}"], check=True, capture_output=True)


def copy(source: str, target: Path, *options: str) -> str:
    """What skopeo reads at ``source``, as an image layout; the manifest's digest."""
    assert SKOPEO is not None
    command = [SKOPEO, "copy", "--preserve-digests", "--insecure-policy", "--src-tls-verify=false", *options]
    subprocess.run([*command, f"docker://{source}", f"oci:{target}:latest"], check=True, capture_output=True)
    (entry,) = json.loads((target / "index.json").read_text())["manifests"]
    return str(entry["digest"])


def certificate(folder: Path, *names: str) -> Path:
    """A self-signed certificate for ``names`` (``DNS:localhost``, ``IP:127.0.0.1``), its key in ``<file>.key``."""
    path = folder / f"{names[0].partition(':')[2]}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={','.join(names)}"]
    subprocess.run([*command, "-keyout", f"{path}.key", "-out", str(path)], check=True, capture_output=True)
    return path
