"""The list of pages on errors, by their messages."""

from __future__ import annotations

import re
from pathlib import Path


def write(folder: Path) -> None:
    """Write the list of pages on errors: message, and page."""
    folder.mkdir(exist_ok=True)
    pages = sorted(folder.glob("*.md"))
    if not pages:
        return
    rows = []
    for path in pages:
        text = path.read_text()
        title = text.partition("\n")[0].removeprefix("# ")
        found = re.search(r"```text\n(.*?)```", text, re.S)
        message = found[1].strip().splitlines()[0] if found else ""
        rows.append(f"* - [{title}]({path.name})\n  - `{message}`")
    listed = "\n".join(p.stem for p in pages)
    (folder / "index.md").write_text(
        "# Errors and warnings\n\nA message says what was wrong, at which line, and mostly what would mend it. Those that newcomers meet most end with "
        "`more: pm.explain(\"...\")`: that shows the page of this list.\n\n"
        "```{list-table}\n:class: names\n:header-rows: 1\n:widths: 35 65\n\n* - Page\n  - It begins, for example\n" + "\n".join(rows) + f"\n```\n\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"
    )
