"""Files of our own that a reader sees whole or not at all."""

import json
from pathlib import Path


def write_whole(file: Path, content: object) -> None:
    """Write JSON beside the file, then put it in its place."""
    draft = file.with_suffix(".part")
    draft.write_text(json.dumps(content))
    draft.replace(file)
