"""What is said while something is computed: by Python's logging, on stderr (in a notebook: on stdout) unless the program has set logging up."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

logger = logging.getLogger("workbench")
"""``logging.getLogger("workbench").setLevel("WARNING")`` silences it."""


class _Output(logging.StreamHandler[TextIO]):
    """Writes to what is stderr now, not to what it was at first; in a notebook to stdout, for stderr looks like a fault there."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        in_notebook = type(sys.stdout).__module__.partition(".")[0] == "ipykernel"
        return sys.stdout if in_notebook else sys.stderr


def tell(message: str) -> None:
    """Say something of level INFO."""
    if not logging.root.handlers and not logger.handlers:
        logger.addHandler(_Output())
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    logger.info(message)
