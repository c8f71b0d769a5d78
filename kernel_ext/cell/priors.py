"""``%%model --check-priors``: what the priors say beside the data, printed under the cell."""

from __future__ import annotations

from workbench import Model, check_priors
from workbench.errors import WorkbenchError


def say_priors(model: Model) -> None:
    """Print what :func:`workbench.check_priors` finds, with the lines of the cell that it is about."""
    try:
        check = check_priors(model)
    except WorkbenchError as error:
        print(f"The priors cannot be compared with the data: {error.message}")
        return
    if not check.findings:
        print(check)
    for finding in check.findings:
        place = finding.location.shown()[:2] if finding.location is not None else []
        print("\n".join([str(finding), *place]))
