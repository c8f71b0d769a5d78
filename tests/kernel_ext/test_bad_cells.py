"""What is shown of bad cells, word for word: bad_cells.txt has each cell's options, its code, and after dashes its message.

``python tests/kernel_ext/test_bad_cells.py`` writes the messages again, to be read as a beginner would.
"""

import sys
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell

WHERE = Path(__file__).parent / "bad_cells.txt"
HELPERS = types.ModuleType("helpers")
HELPER_FILE = Path(__file__).parent / "helpers_of_a_user.py"


def cells():
    """Each cell: its title, options, code and message."""
    found = {}
    for block in WHERE.read_text().split("\n=== ")[1:]:
        head, _, rest = block.partition("\n")
        code, _, message = rest.partition("\n----\n")
        title, _, options = head.partition(" | ")
        found[title] = (options, code, message.rstrip("\n"))
    return found


def make_shell():
    ip = InteractiveShell()
    ip.run_line_magic("load_ext", "kernel_ext")
    rng = np.random.default_rng(0)
    exec(compile(HELPER_FILE.read_text(), str(HELPER_FILE), "exec"), vars(HELPERS))
    ip.user_ns.update(
        county=rng.integers(0, 5, 40), floor=rng.integers(0, 2, 40) * 1.0, log_radon=rng.normal(size=40), table={"flour": [1, 2]}, helpers=HELPERS,
        coords={"county": [f"c{i}" for i in range(5)], "obs": [f"o{i}" for i in range(40)]},
        df=pd.DataFrame({"county": list("ABCAB"), "floor": [0.0, 1, 0, 1, 1], "log radon": 1.0, "y": 2.0, "lambda": 1}),
    )  # fmt: skip
    return ip


def message(ip, options, code):
    with pytest.raises(Exception) as caught:
        ip.run_cell_magic("model", f"m --show none {options}", code)
    return "\n".join(caught.value._render_traceback_())


@pytest.fixture(scope="module")
def shell():
    ip = make_shell()
    yield ip
    ip.run_line_magic("unload_ext", "kernel_ext")


@pytest.mark.parametrize("title", cells())
def test_a_bad_cell_is_answered_by(shell, title):
    options, code, expected = cells()[title]
    assert message(shell, options, code) == expected


def test_there_are_many_kinds_and_no_message_shows_our_own_code():
    assert len(cells()) >= 50
    assert not any("kernel_ext" in text or "site-packages" in text for _, _, text in cells().values())


if __name__ == "__main__":
    ip, blocks = make_shell(), []
    for title, (options, code, _) in cells().items():
        blocks.append(f"=== {title}{f' | {options}' if options else ''}\n{code}\n----\n{message(ip, options, code)}\n")
    sys.stdout.write("\n" + "\n".join(blocks))
