"""The table of rules."""

from types import SimpleNamespace

from workbench.graph import rewrite
from workbench.transforms.logprob import GROUP, logprob_pass


def test_rules_are_read_while_others_are_imported(monkeypatch):
    """A chain's thread may derive a density while another thread imports what has rules: here in the middle of the reading."""
    logprob_pass()
    count = len(rewrite.rules_of(GROUP))

    class Importing:
        @property
        def group(self):
            rewrite.RULES[f"rule {len(rewrite.RULES)}"] = SimpleNamespace(group="others")
            return "others"

    monkeypatch.setattr(rewrite, "RULES", {"first": Importing(), **rewrite.RULES})
    assert len(rewrite.rules_of(GROUP)) == count > 20
