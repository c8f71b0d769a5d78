"""What is said while something is computed: by Python's logging, on stderr unless the program has set logging up."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

logger = logging.getLogger("workbench")
"""``logging.getLogger("workbench").setLevel("WARNING")`` silences it."""


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what is stderr now, not to what it was at first."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def tell(message: str) -> None:
    """Say something of level INFO."""
    if not logging.root.handlers and not logger.handlers:
        logger.addHandler(_Stderr())
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.INFO)
    logger.info(message)
