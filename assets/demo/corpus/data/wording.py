"""What people put around a question or in the place of its words, and how they write names."""

from __future__ import annotations

SYNONYMS = {
    "see": ("view", "check", "look at", "find"),
    "find": ("locate", "get"),
    "change": ("modify", "adjust", "edit"),
    "machine": ("computer", "laptop", "pc", "system"),
    "computer": ("machine", "laptop", "pc"),
    "need": ("require",),
    "folder": ("directory",),
    "directory": ("folder",),
    "program": ("app", "software", "tool"),
    "app": ("program", "software", "application"),
    "connect": ("link", "attach", "hook up"),
    "error": ("message", "problem"),
    "delete": ("remove", "erase"),
    "download": ("get", "pull", "fetch"),
    "show": ("display", "print", "give"),
    "command": ("cli command", "instruction"),
    "big": ("large", "huge"),
    "model": ("llm", "language model"),
    "models": ("llms", "language models"),
    "start": ("launch",),
    "enable": ("activate", "turn on", "switch on"),
    "supported": ("possible", "allowed", "available"),
    "stored": ("saved", "kept", "located"),
    "internet": ("web", "network"),
    "which": ("what",),
    "what": ("which",),
    "much": ("lots of",),
    "explain": ("describe", "tell me"),
    "api": ("server", "rest api"),
    "quick": ("fast",),
    "use": ("try", "work with"),
    "make": ("let", "get"),
    "memory": ("ram",),
    "tell me": ("say", "explain"),
    "url": ("address", "link"),
    "work": ("run", "function"),
    "my": ("the", "our"),
    "the": ("my", "this", ""),
    "a": ("one", "the", ""),
    "is": ("is", "'s"),
    "I": ("we", "i", "one"),
    "does": ("will", "can"),
    "can": ("could",),
    "want": ("wish", "would like"),
}

SUFFIXES = (
    " in dmr desktop",
    " with dmr",
    " in dmr",
    " here",
    " on my machine",
    " now",
    " exactly",
    " again",
    " for me",
    " on linux",
    " quickly",
    " today",
    ", thanks",
    ", please",
    " by the way",
    " with this",
    " on this computer",
)

BREVITY = (
    "? Answer briefly.",
    "? Be short.",
    "? Answer in one sentence.",
    "? Give a short answer.",
    "? Explain.",
    "? Thank you.",
    "? Answer with one word.",
    "? I need to know it.",
    "? Only the answer please.",
)

PREFACES = (
    "I just installed dmr desktop. ",
    "I am new here. ",
    "Sorry, I am a beginner. ",
    "I have a question. ",
    "Hello! ",
    "Good morning. ",
    "Thanks! ",
    "Ok. ",
    "One question: ",
    "Hi, ",
    "I do not understand. ",
    "Hey there, ",
    "I read the readme. ",
    "My boss asks: ",
    "Another thing: ",
    "Excuse me, ",
    "I am stuck. ",
    "Great. ",
)

POLITE = (
    "please tell me, ",
    "hey, ",
    "hi, ",
    "hello, ",
    "ok, ",
    "so ",
    "and ",
    "can you tell me ",
    "a question: ",
    "one more: ",
    "now, ",
    "well, ",
    "next: ",
    "quick question: ",
    "please, ",
)

PROPER = {
    name.lower(): name
    for name in (
        "DMR Desktop,DMR,TCP,GPU,GPUs,CPU,RAM,API,URL,JSON,GGUF,OCI,HTTP,GUI,AI,LLM,LLMs,OpenAI,Ollama,Anthropic,"
        "Claude,Docker,Docker Desktop,Docker Model Runner,Docker Hub,Docker Compose,LangChain,LiteLLM,Open WebUI,Olla,"
        "Linux,Windows,Mac,macOS,Python,NVIDIA,Unix,SDK,ID,CLI,ChatGPT,Apache,Ubuntu,README,OS,PC"
    ).split(",")
}  # people write names in capitals, the phrasings of the facts are in small letters

PAIR_STYLES = (
    "{p}={v}",
    "{p} {v}",
    "{p} = {v}",
    "{p}: {v}",
    "{p} is {v}",
    "{v} as {p}",
    '{p} "{v}"',
    "{p} set to {v}",
    "{v} as the {p}",
)  # how people write down a parameter and its value
