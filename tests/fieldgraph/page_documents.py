"""The operations of our own pages, as their scripts put them together, in the shape of a manifest."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

PAGES = Path(__file__).parents[2] / "fieldgraph" / "pages"
MANIFEST = PAGES / "documents.json"
SCRIPTS = ("board.js", "track.js")
CONSTANT = re.compile(r"const (\w+) =\s*(?:`([^`]*)`|\"([^\"]*)\");", re.DOTALL)
LIST = re.compile(r"const (\w+) = (\[[^\]]*\]);")
EACH = re.compile(r"\$\{onEach\(\s*(\w+),\s*(.*?),?\s*\)\}", re.DOTALL)


def operations(script: str) -> Iterator[tuple[str, str]]:
    """The name and the text of each operation of a script, with what it puts into its templates."""
    text = (PAGES / script).read_text()
    lists = {key: re.findall(r'"(\w+)"', value) for key, value in LIST.findall(text)}
    constants = {key: one or other for key, one, other in CONSTANT.findall(text)}

    def spread(found: re.Match[str]) -> str:
        inner = "".join(re.findall(r'"([^"]*)"', found[2]))
        return "\n".join(f"... on {kind} {{ {inner} }}" for kind in lists[found[1]])

    for name, value in constants.items():
        if re.match(r"\s*(query|mutation|subscription)\b", value):
            whole = EACH.sub(spread, value)
            yield name, re.sub(r"\$\{(\w+)\}", lambda found: constants[found[1]], whole)


def manifest() -> str:
    found = {
        f"{script.removesuffix('.js')}:{name}": text
        for script in SCRIPTS
        for name, text in operations(script)
    }
    return json.dumps(found, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    MANIFEST.write_text(manifest())
