"""Keeps the desktop's translations in step with the code.

    python scripts/translations.py update     # new sentences into assets/i18n/*.ts, gone ones out of it
    python scripts/translations.py compile    # *.ts to *.qm, which the app loads

Qt's own extractor does not see sentences that go through a helper function (``_tr``), so this one reads the syntax
tree: ``self.tr("...")`` belongs to the context of its class, ``_tr("...")`` to the one named in the module's helper, as
does ``_mark("...")`` for a sentence that is translated when it is met.
``.ts`` files can be edited with Qt Linguist.
"""

import argparse
import ast
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "dmr_desktop" / "desktop"
FOLDER = ROOT / "assets" / "i18n"

Sentences = dict[str, dict[str, None]]
"""Context to its sentences, in the order of the code."""


def sentences(folder: Path = SOURCES) -> Sentences:
    """All that can be translated."""
    found: Sentences = {}
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        helper = _helper_context(tree)
        for context, text in _calls(tree, "", helper):
            found.setdefault(context, {})[text] = None
    return dict(sorted(found.items()))


def _helper_context(tree: ast.Module) -> str:
    """The context in the module's ``def _tr(text): return QCoreApplication.translate("Context", text)``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "translate":
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                return first.value
    return ""


def _calls(node: ast.AST, context: str, helper: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.ClassDef):
        context = node.name
    if isinstance(node, ast.Call) and node.args:
        function, argument = node.func, node.args[0]
        is_method = isinstance(function, ast.Attribute) and function.attr == "tr"
        is_helper = isinstance(function, ast.Name) and function.id in ("_tr", "_mark")
        if is_method or is_helper:
            if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                raise SystemExit(f"line {node.lineno}: a sentence to translate must be a literal")
            yield (context if is_method else helper), argument.value
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, context, helper)


def read(path: Path) -> dict[tuple[str, str], str]:
    """``(context, sentence)`` to its translation, "" if there is none yet."""
    if not path.exists():
        return {}
    found = {}
    for context in ET.parse(path).getroot().iter("context"):
        name = context.findtext("name") or ""
        for message in context.iter("message"):
            translation = message.find("translation")
            is_done = translation is not None and translation.get("type") != "unfinished"
            text = (translation.text or "") if translation is not None and is_done else ""
            found[name, message.findtext("source") or ""] = text
    return found


def write(path: Path, language: str, wanted: Sentences, known: dict[tuple[str, str], str]) -> None:
    """The ``.ts`` file of all wanted sentences, with the translations that are known."""
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    for context, texts in wanted.items():
        group = ET.SubElement(root, "context")
        ET.SubElement(group, "name").text = context
        for text in texts:
            message = ET.SubElement(group, "message")
            ET.SubElement(message, "source").text = text
            translation = ET.SubElement(message, "translation")
            if known.get((context, text)):
                translation.text = known[context, text]
            else:
                translation.set("type", "unfinished")
    ET.indent(root)
    body = ET.tostring(root, encoding="unicode")
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{body}\n', encoding="utf-8")


def compile_file(source: Path, target: Path) -> None:
    """With Qt's own lrelease; needs PySide6."""
    lrelease = Path(sys.executable).with_name("pyside6-lrelease")
    subprocess.run([str(lrelease), "-silent", str(source), "-qm", str(target)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("update", "compile"))
    parser.add_argument("--add", metavar="LANGUAGE", help="begin a translation, e.g. fr")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    if options.add:
        write(FOLDER / f"{options.add}.ts", options.add, sentences(), {})
    for path in sorted(FOLDER.glob("*.ts")):
        if options.verb == "update":
            known = read(path)
            write(path, path.stem, sentences(), known)
            missing = sum(not text for text in read(path).values())
            print(f"{path.name}: {missing} sentences have no translation")
        else:
            compile_file(path, path.with_suffix(".qm"))


if __name__ == "__main__":
    main()
