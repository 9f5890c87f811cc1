"""A model store as a real Docker Model Runner writes it, and its rules by which it reads one back.

Written from its documented format alone, with none of the product's code: what both agree on is not our own mistake.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TYPE = "application/vnd.docker.ai."
_TAG = re.compile(r"(?:[a-z0-9.-]+(?::\d+)?/)?[a-z0-9._/-]+:[\w][\w.-]{0,127}")


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _compact(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass
class DockerStore:
    """The store at ``root``. Methods do what the same verbs of the real one do, with its file formats."""

    root: Path

    def create(self) -> "DockerStore":
        for folder in ("blobs/sha256", "manifests/sha256"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "layout.json").write_text('{\n  "version": "1.0.0"\n}')
        self.write_index({"models": None})
        return self

    def index(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "models.json").read_text())
        return found

    def write_index(self, document: dict[str, Any]) -> None:
        (self.root / "models.json").write_text(json.dumps(document, indent=2, ensure_ascii=False))

    def put_blob(self, data: bytes) -> str:
        (self.root / "blobs" / "sha256" / sha256(data)[7:]).write_bytes(data)
        return sha256(data)

    def add(self, weights: list[bytes], tags: list[str] | None, *, is_old: bool = False, **entry: Any) -> str:
        """A GGUF model with a licence; older versions wrote no annotations and other words. Returns its id."""
        layers = []
        for number, (kind, data) in enumerate([*(("gguf.v3", each) for each in weights), ("license", b"MIT")]):
            layer: dict[str, Any] = {"mediaType": _TYPE + kind, "size": len(data), "digest": self.put_blob(data)}
            if not is_old:
                name = f"file{number}"
                layer["annotations"] = {
                    "org.cncf.model.filepath": name,
                    "org.cncf.model.file.metadata+json": _compact({"name": name, "size": len(data)}).decode(),
                    "org.cncf.model.file.mediatype.untested": "false",
                }
            layers.append(layer)
        config = _compact(
            {
                "config": {
                    "format": "gguf",
                    "quantization": "F32",
                    "parameters": "4.10 K" if is_old else "4.10K",
                    "architecture": "llama",
                    "size": "16.00 KiB" if is_old else "16.00KiB",
                    "future": {"unknown": True},
                },
                "descriptor": {"created": "2025-03-24T11:49:41Z"},
                "rootfs": {"type": "layers" if is_old else "rootfs", "diff_ids": [each["digest"] for each in layers]},
            }
        )
        manifest = _compact(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {
                    "mediaType": _TYPE + "model.config.v0.1+json",
                    "size": len(config),
                    "digest": self.put_blob(config),
                },
                "layers": layers,
            }
        )
        model_id = sha256(manifest)
        (self.root / "manifests" / "sha256" / model_id[7:]).write_bytes(manifest)
        document = self.index()
        files = [*(layer["digest"] for layer in layers), sha256(config)]
        document["models"] = [
            *(document["models"] or []),
            {"id": model_id, "tags": tags, "files": files, **entry},
        ]
        self.write_index(document)
        return model_id

    def bundle(self, model_id: str) -> Path:
        """Unpacked as for a run: hard links, and the config in one line."""
        manifest = json.loads((self.root / "manifests" / "sha256" / model_id[7:]).read_bytes())
        weights = [layer["digest"] for layer in manifest["layers"] if layer["mediaType"] == _TYPE + "gguf.v3"]
        folder = self.root / "bundles" / "sha256" / model_id[7:]
        (folder / "model").mkdir(parents=True)
        for number, digest in enumerate(weights, 1):
            name = "model.gguf" if len(weights) == 1 else f"model-{number:05d}-of-{len(weights):05d}.gguf"
            os.link(self.root / "blobs" / "sha256" / digest[7:], folder / "model" / name)
        config = json.loads((self.root / "blobs" / "sha256" / manifest["config"]["digest"][7:]).read_bytes())
        (folder / "config.json").write_bytes(_compact(config["config"]) + b"\n")
        return folder

    # ---- its rules ---------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """What a real one would stumble over, and what would be lost in it."""
        found = []
        if json.loads((self.root / "layout.json").read_text())["version"] != "1.0.0":
            found.append("layout.json")
        raw = (self.root / "models.json").read_text()
        document = json.loads(raw)
        if raw != json.dumps(document, indent=2, ensure_ascii=False):
            found.append("models.json is not written as the real one writes it")
        tags: list[str] = []
        for entry in document["models"] or []:
            tags += entry["tags"] or []
            found += [f"{entry['id'][:15]}: {problem}" for problem in self._problems_of(entry)]
        if len(tags) != len(set(tags)):
            found.append(f"a tag names two models: {tags}")
        for path in (self.root / "blobs" / "sha256").iterdir():
            if len(path.name) == 64 and sha256(path.read_bytes())[7:] != path.name:
                found.append(f"blob {path.name[:12]} has other bytes")
        return found

    def _problems_of(self, entry: dict[str, Any]) -> list[str]:
        if not {"id", "tags", "files"} <= set(entry):
            return [f"keys {sorted(entry)}"]
        raw = (self.root / "manifests" / "sha256" / entry["id"][7:]).read_bytes()
        manifest = json.loads(raw)
        expected = [*(layer["digest"] for layer in manifest["layers"]), manifest["config"]["digest"]]
        found = [] if sha256(raw) == entry["id"] else ["manifest has another digest"]
        if entry["files"] != expected:
            found.append("files are not layers and config")
        found += [
            f"no blob {each[7:19]}" for each in expected if not (self.root / "blobs" / "sha256" / each[7:]).is_file()
        ]
        found += [f"tag {tag!r}" for tag in entry["tags"] or [] if not _TAG.fullmatch(tag)]
        folder = self.root / "bundles" / "sha256" / entry["id"][7:]
        if folder.exists():
            config = (folder / "config.json").read_bytes()
            if not config.endswith(b"}\n") or config.count(b"\n") != 1:
                found.append("the bundle's config is not one line")
            if not list((folder / "model").glob("*.gguf")):
                found.append("the bundle has no weights")
        return found
