"""Measures which cases take long, and writes long_tests.json: ``WORKBENCH_TESTS=all python -m pytest -p tests.long_tests -n 2 --dist loadfile``."""

import json
import os
import resource
from pathlib import Path

import pytest

LONG = 1.0
"""Processor seconds, those of compilers counted, from which a case is long."""
AT = Path(__file__).with_suffix(".json")
found: dict[str, float] = {}


def used() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    item.begun_at = used()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item):
    item.user_properties.append(("processor seconds", used() - item.begun_at))


def pytest_runtest_logreport(report):
    if report.when == "teardown":
        found[report.nodeid] = dict(report.user_properties).get("processor seconds", 0.0)


def pytest_sessionfinish(session):
    if "PYTEST_XDIST_WORKER" not in os.environ:
        AT.write_text(json.dumps({k: round(v, 1) for k, v in sorted(found.items()) if v >= LONG and k.startswith("tests/")}, indent=0) + "\n")
