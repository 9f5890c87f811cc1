"""Verbs about models at work and their options."""

import argparse

from dmr_desktop.cli.verbs import Verbs, context_size, positive, truth

MODES = ("completion", "embedding", "reranking", "image-generation")


def add(verbs: Verbs) -> None:
    _run(verbs)
    _configure(verbs)
    verb = verbs.add("ps", "list the models that are loaded", module="runner_verbs")
    output = verb.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="as JSON")
    output.add_argument("--quiet", "-q", action="store_true", help="only the names")

    aliases = ("stop",) if verbs.face.is_plugin else ()
    verb = verbs.add("unload", "free the memory of loaded models; those in use stay", *aliases, module="runner_verbs")
    verb.add_argument("--all", action="store_true", help="all of them")
    verb.add_argument("--backend", default="", metavar="NAME", help="only those of this backend")
    verb.add_argument("models", nargs="*", metavar="MODEL")
    verb.set_defaults(words="models")

    verb = verbs.add("requests", "show what models were asked lately and what they answered", module="requests_verb")
    verb.add_argument("--follow", "-f", action="store_true", help="go on showing new ones")
    verb.add_argument("--include-existing", action="store_true", help="with --follow: begin with those of before")
    verb.add_argument("--model", default="", metavar="MODEL", help="only of this one")
    verb.add_argument("--json", action="store_true", help="as JSON, with all texts; in a pipe it always is")

    verb = verbs.add("bench", "measure a model at several numbers of requests at once", module="bench", starts=True)
    verb.add_argument("--concurrency", default="1,2,4,8", metavar="N,N", help="default: 1,2,4,8")
    verb.add_argument("--duration", default="30s", metavar="TIME", help="of each measurement (default: 30s)")
    verb.add_argument("--timeout", default="5m", metavar="TIME", help="of each request (default: 5m)")
    verb.add_argument("--prompt", default="", metavar="TEXT")
    verb.add_argument("--json", action="store_true", help="as JSON")
    verb.add_argument("model", metavar="MODEL")


def _run(verbs: Verbs) -> None:
    verb = verbs.add("run", "ask a model, or chat with it; pulls it first if it is missing", module="run", starts=True)
    verb.add_argument("--detach", "-d", action="store_true", help="only load the model")
    verb.add_argument("--system", metavar="TEXT", help="instructions that come before the conversation")
    verb.add_argument("--temperature", type=float, metavar="T", help="0 gives the same answer each time")
    verb.add_argument("--max-tokens", type=positive, metavar="N", help="length of an answer at most")
    verb.add_argument("--color", choices=("auto", "yes", "no"), default="auto", help="default: auto")
    verb.add_argument("--openaiurl", default="", metavar="URL", help="ask this OpenAI-compatible server instead")
    verb.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    verb.add_argument("--websearch", action="store_true", help=argparse.SUPPRESS)
    verb.add_argument("--ignore-runtime-memory-check", action="store_true", help=argparse.SUPPRESS)
    verb.add_argument("model", metavar="MODEL")
    verb.add_argument(
        "prompt",
        nargs="*",
        default=[],  # without a default argparse would call it required
        metavar="PROMPT",
        help="the question; piped input is added to it, @FILE shows an image or adds a text",
    )
    verb.set_defaults(words="prompt")


def _configure(verbs: Verbs) -> None:
    verb = verbs.add(
        "configure",
        "set how a model is run, until the service ends: configure MODEL [-- RUNTIME-FLAGS]; configure show [MODEL]",
        "config",
        module="configure",
        starts_for_docker=True,
    )
    verb.add_argument("--context-size", type=context_size, metavar="N", help="tokens; -1: all that the model can")
    verb.add_argument("--keep-alive", metavar="TIME", help="unload after so long idle: 5m, 0 (at once), -1 (never)")
    verb.add_argument("--mode", choices=MODES)
    verb.add_argument("--think", type=truth, metavar="BOOL", help="reasoning on, or off with --think=false")
    verb.add_argument("--speculative-draft-model", metavar="MODEL", help="a small model that guesses ahead")
    verb.add_argument("--speculative-num-tokens", type=int, metavar="N", help="tokens guessed at a time")
    verb.add_argument("--speculative-min-acceptance-rate", type=float, metavar="SHARE")
    verb.add_argument("--hf_overrides", metavar="JSON", help="vLLM: overrides of the model's config")
    verb.add_argument("--gpu-memory-utilization", type=float, metavar="SHARE", help="vLLM: 0.0 to 1.0")
    verb.add_argument("model", nargs="*", metavar="MODEL")
    verb.set_defaults(words="model", hands_on=True)
