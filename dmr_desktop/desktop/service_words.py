"""What the service says of its troubles, in the language of the panel.

The service speaks English, to programs and logs alike. Here are the sentences that the panel shows, each with its
translation; whatever is not among them stays as it came. A test holds them against the service's own.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice

from PySide6.QtCore import QCoreApplication

from dmr_desktop.desktop.names import printable


def _mark(sentence: str) -> str:
    """To be translated when it is met."""
    return sentence


SENTENCES = (
    # ---- ports and networks
    _mark("port {port} is in use by another program"),
    _mark("port {port} is in use by {owner}"),
    _mark("{name} (process {pid})"),
    _mark("port {port} is reserved by the system"),
    _mark("stop that program, or choose another port"),
    _mark("choose a port above 1023"),
    _mark("this machine has no network with the address {address}"),
    _mark("is the container engine on?"),
    _mark("this computer is in no local network at the moment"),
    _mark("the API key is gone: make a new one"),
    _mark("the local network is let in only with an API key"),
    _mark("make one with it"),
    _mark("the API key is set by api_key in config.toml or by DMR_API_KEY"),
    _mark("change it there, then restart"),
    _mark("the API key cannot be kept in {file}: {reason}"),
    # ---- loading and answering
    _mark("the model needs about {need} MiB of memory, {have} MiB can be had"),
    _mark("choose a smaller model or quantization, configure a smaller context, or close other programs"),
    _mark("the model's process died: {cause}"),
    _mark("killed by {signal}"),
    _mark("exited with code {code}"),
    _mark("send the request again: a new process is started; the log tells more"),
    _mark("the model's process died {count} times within {window} s, so it is not started again for {left} s"),
    _mark("unload the model to try again at once; the log tells why it died"),
    _mark("the model's process cannot be started: {reason}"),
    _mark("the model was not loaded after {seconds} s"),
    _mark("the model may be too large for this machine; the log tells how far it came"),
    _mark("the model cannot be loaded: {reason}"),
    _mark("the model cannot be read: {reason}"),
    _mark("{count} requests for {model} are already running or waiting"),
    _mark("try again in a moment"),
    _mark("{model} was unloaded while it was loading"),
    _mark("{model} was unloaded"),
    _mark("{model} did not answer any more and is loaded anew"),
    _mark("the model is still being loaded"),
    _mark("runner already active"),
    _mark("wait until its requests have ended, or unload it"),
    _mark("model '{name}' is in use by {count} requests"),
    _mark("GGUF file required by llama.cpp backend"),
    _mark("no supported model weights found: the model holds no GGUF file"),
    _mark("this version runs GGUF models"),
    _mark("the service is shutting down"),
    _mark("`dmr pull {name}` gets it, `dmr ls` lists what is here"),
    _mark("This version reads no images: the model's vision part is not used."),
    _mark(
        "{layers} of {count} layers are on the graphics card, whose memory holds no more; the rest runs on the "
        "processor. A smaller context or a smaller quantization leaves room for more."
    ),
    # ---- pulling
    _mark("Model not found"),
    _mark("model not found"),
    _mark("Unauthorized"),
    _mark("check the name and the tag on {registry}"),
    _mark("check the name; if it is private: docker login {registry}"),
    _mark("the {mode} was cancelled"),
    _mark("waiting: {count} other {transfers} are under way"),
    _mark("not enough disk space for the model: {need} MiB more needed, {have} MiB free"),
    _mark("free some space, or remove models you no longer need"),
    _mark("no space left on the disk while {doing}"),
    _mark("free some space and try again"),
    _mark("digest mismatch (registry or proxy sends wrong data)"),
    _mark("try another network, or ask whoever runs the registry"),
    _mark("the registry cannot be reached"),
    _mark("the registry stopped answering"),
    _mark("the connection to the registry broke"),
    _mark("check the name of the registry and your network connection"),
    _mark("the registry's certificate is not trusted"),
    _mark("name the file with its authority in ca_file (DMR_CA_FILE) or SSL_CERT_FILE"),
    _mark("the proxy refuses to connect to the registry"),
    _mark("check HTTPS_PROXY and NO_PROXY, and your log-in there"),
    _mark("the registry has a problem of its own"),
    _mark("try again later"),
    _mark("the rate limit of {registry} is reached"),
    _mark("wait {seconds} seconds, or {other}"),
    _mark("log in for a higher limit: docker login {registry}"),
    _mark("a web page came instead of the registry's answer"),
    _mark("this network may want you to log in first (captive portal), or a proxy is in the way"),
    _mark("the registry, or something between you and it, is broken or hostile"),
    # ---- the store
    _mark("a stored layer is damaged"),
    _mark("a stored manifest is damaged"),
    _mark("a stored config is damaged"),
    _mark("a file of the model is missing: {name}"),
    _mark("a file of the model is missing"),
    _mark("remove the model and pull it again"),
    _mark("pull the model again"),
)
_MAX_PARTS = 8
_PLACE = re.compile(r"{(\w+)}")


def in_own_words(text: str, limit: int = 600) -> str:
    """A sentence of the service, or several with ``: `` or lines between them, translated and safe to show."""
    shown = printable(text, limit)  # cut first: what comes is as long as it likes
    return printable("\n".join(_translated(line) for line in shown.split("\n")), limit)


def _translated(text: str) -> str:
    found = _find(text)
    if found is not None:
        sentence, parts = found
        own = QCoreApplication.translate("ServiceWords", sentence)
        return _PLACE.sub(lambda place: _translated(parts[place[1]]), own)
    cuts = [(text[: at.start()], text[at.end() :]) for at in islice(re.finditer(": ", text), _MAX_PARTS)]
    known = [(sum(_find(part) is not None for part in cut), cut) for cut in cuts]
    num_known, (head, tail) = max(known, key=lambda item: item[0], default=(0, ("", "")))
    return f"{_translated(head)}: {_translated(tail)}" if num_known else text


@lru_cache(maxsize=256)
def _find(text: str) -> tuple[str, Mapping[str, str]] | None:
    """The sentence, and what stands in its places. A next step behind it is not taken for a part of it."""
    _, colon, tail = text.rpartition(": ")
    if colon and tail in SENTENCES:
        return None
    for sentence, pattern in _patterns():
        if (match := pattern.fullmatch(text)) is not None:
            return sentence, match.groupdict()
    return None


@lru_cache(maxsize=1)
def _patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    def pattern(sentence: str) -> re.Pattern[str]:
        pieces = _PLACE.split(sentence)
        return re.compile(
            "".join(f"(?P<{piece}>.+?)" if index % 2 else re.escape(piece) for index, piece in enumerate(pieces))
        )

    return tuple((sentence, pattern(sentence)) for sentence in SENTENCES)
