"""Build llama-server from the very source that the installed llama-cpp-python vendors, with the same flags.

    python benchmarks/build_peer.py [--work build/peer]

Downloads the source distribution of the installed version, configures its vendored llama.cpp as a Release
build with the compiler flags of pyproject.toml, and compiles the one target. 5 to 20 minutes the first time,
nothing after that. Prints the path of the binary.
"""

import argparse
import os
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def source_tree(work: Path) -> Path:
    """The unpacked source distribution, downloaded once."""
    release = version("llama-cpp-python")
    tree = work / f"llama_cpp_python-{release}"
    if not tree.exists():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python"]
        subprocess.run([*command, "-d", str(work), f"llama-cpp-python=={release}"], check=True)
        with tarfile.open(next(work.glob(f"*{release}.tar.gz"))) as archive:
            archive.extractall(work, filter="data")
    return tree / "vendor" / "llama.cpp"


def compiler_flags() -> str:
    """The flags that the product's own build of llama.cpp uses."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    arguments: str = settings["tool"]["uv"]["extra-build-variables"]["llama-cpp-python"]["CMAKE_ARGS"]
    return arguments.split("CMAKE_CXX_FLAGS=", 1)[1].strip("'")


def build(work: Path) -> Path:
    """Configure and compile; returns the binary's path."""
    work.mkdir(parents=True, exist_ok=True)
    out = work / "build"
    binary = out / "bin" / "llama-server"
    if binary.exists():
        return binary
    source = source_tree(work)
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_CXX_FLAGS": compiler_flags(),
        "LLAMA_OPENSSL": "OFF",
        "LLAMA_BUILD_TESTS": "OFF",
        "LLAMA_BUILD_EXAMPLES": "OFF",
        "LLAMA_BUILD_UI": "OFF",
        "LLAMA_USE_PREBUILT_UI": "OFF",
        "LLAMA_BUILD_APP": "OFF",
    }
    arguments = [f"-D{name}={value}" for name, value in options.items()]
    subprocess.run(["cmake", "-S", str(source), "-B", str(out), *arguments], check=True)
    jobs = str(os.cpu_count() or 1)
    subprocess.run(["cmake", "--build", str(out), "--target", "llama-server", "-j", jobs], check=True)
    return binary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "peer")
    print(build(parser.parse_args().work))


if __name__ == "__main__":
    main()
