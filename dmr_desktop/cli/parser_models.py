"""Verbs about stored models and their options."""

import argparse

from dmr_desktop.cli.verbs import Verbs, positive


def add(verbs: Verbs) -> None:
    _looking(verbs)
    _moving(verbs)
    _making(verbs)
    _keeping(verbs)


def _looking(verbs: Verbs) -> None:
    verb = verbs.add("ls", "list the models on this machine", "list", module="model_verbs", starts_for_docker=True)
    verb.add_argument("model", nargs="?", metavar="MODEL", help="only this one")
    output = verb.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="as JSON")
    output.add_argument("--openai", action="store_true", help="as the OpenAI model list")
    output.add_argument("--quiet", "-q", action="store_true", help="only the ids")
    output.add_argument("--openaiurl", default="", metavar="URL", help="ask this OpenAI-compatible server instead")

    verb = verbs.add(
        "inspect", "show all that is known of a model, as JSON", module="model_verbs", starts_for_docker=True
    )
    verb.add_argument("--remote", "-r", action="store_true", help="ask the registry instead of this machine")
    verb.add_argument("--openai", action="store_true", help="as an element of the OpenAI model list")
    verb.add_argument("model", metavar="MODEL")

    verb = verbs.add("show", "show what is known of a model, as text", module="show", starts_for_docker=True)
    verb.add_argument("--remote", "-r", action="store_true", help="ask the registry instead of this machine")
    verb.add_argument("model", metavar="MODEL")

    verb = verbs.add("fit", "tell whether a model fits in memory", module="show", starts_for_docker=True)
    verb.add_argument("--context-size", type=positive, metavar="N", help="tokens (default: the model's)")
    verb.add_argument("--json", action="store_true", help="as JSON")
    verb.add_argument("model", metavar="MODEL")

    verb = verbs.add("df", "show the disk space in use", module="model_verbs", starts_for_docker=True)
    verb.add_argument("--json", action="store_true", help="as JSON")


def _moving(verbs: Verbs) -> None:
    verb = verbs.add("pull", "fetch a model; an interrupted pull resumes where it stopped", module="pull", starts=True)
    verb.add_argument("--ignore-runtime-memory-check", action="store_true", help=argparse.SUPPRESS)
    verb.add_argument(
        "model", metavar="MODEL", help="e.g. ai/smollm2, hf.co/org/repo:Q4_K_M, registry.example.com/a/b:tag"
    )

    verb = verbs.add("push", "send a model to its registry", module="push", starts=True)
    verb.add_argument("model", metavar="MODEL")

    verb = verbs.add("export", "write a model into a tar archive", "save", module="archive", starts_for_docker=True)
    verb.add_argument("--output", "-o", default="", metavar="FILE", help="default: standard output")
    verb.add_argument("model", metavar="MODEL")

    verb = verbs.add("load", "store the model of a tar archive", module="archive", starts=True)
    verb.add_argument("--input", "-i", default="", metavar="FILE", help="default: standard input")
    verb.add_argument("--tag", default="", metavar="NAME", help="name it so; the archive holds no name")


def _making(verbs: Verbs) -> None:
    verb = verbs.add("package", "make a model of files, or of another model", module="package", starts=True)
    source = verb.add_mutually_exclusive_group(required=True)
    source.add_argument("--gguf", default="", metavar="FILE", help="a GGUF file; of a sharded model, the first")
    source.add_argument("--safetensors-dir", default="", metavar="DIR", help="safetensors and what belongs to them")
    source.add_argument("--dduf", default="", metavar="FILE", help=argparse.SUPPRESS)
    source.add_argument("--from", dest="source", default="", metavar="MODEL", help="a stored model")
    verb.add_argument(
        "--license", "-l", dest="licenses", action="append", default=[], metavar="FILE", help="repeatable"
    )
    verb.add_argument("--mmproj", default="", metavar="FILE", help="a multimodal projector")
    verb.add_argument("--chat-template", default="", metavar="FILE", help="a Jinja template")
    verb.add_argument("--context-size", type=positive, metavar="N", help="tokens that the model is given by default")
    verb.add_argument("--push", action="store_true", help="send it to its registry when it is made")
    verb.add_argument("--format", choices=("docker", "cncf"), default="docker", help=argparse.SUPPRESS)
    verb.add_argument("name", metavar="NAME", help="e.g. mymodel or registry.example.com/me/mymodel:v1")

    verb = verbs.add("repackage", "store a variant of a model over the same files", module="package", starts=True)
    verb.add_argument("--context-size", type=positive, metavar="N", help="tokens that the variant is given by default")
    verb.add_argument("source", metavar="SOURCE")
    verb.add_argument("target", metavar="TARGET")

    verb = verbs.add("tag", "give a model another name", module="model_verbs", starts_for_docker=True)
    verb.add_argument("source", metavar="SOURCE")
    verb.add_argument("target", metavar="TARGET")


def _keeping(verbs: Verbs) -> None:
    verb = verbs.add("rm", "remove models", "remove", module="model_verbs", starts_for_docker=True)
    verb.add_argument("--force", "-f", action="store_true", help="also when it has several names or is in use")
    verb.add_argument("models", nargs="+", metavar="MODEL")
    verb.set_defaults(words="models")

    verb = verbs.add("purge", "remove all models", module="store_verbs", starts_for_docker=True)
    verb.add_argument("--force", "-f", action="store_true", help="do not ask")

    verb = verbs.add("prune", "remove files that no model needs", module="store_verbs", starts=True)
    verb.add_argument("--dry-run", action="store_true", help="only tell what would go")
    verb.add_argument("--older-than", type=float, metavar="HOURS", help="only what is older (default: 24)")

    verb = verbs.add("verify", "check every file of the store against its digest", module="store_verbs", starts=True)
    verb.add_argument("--remove", action="store_true", help="delete what is damaged, so that a pull fetches it again")
