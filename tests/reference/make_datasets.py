"""Write workbench/datasets/data/*.csv from the packages that have these data: one folder that they are installed in.

    python -m venv /tmp/d; /tmp/d/bin/pip install --no-deps statsmodels==0.15.0 pymc3==3.8 pmdarima==2.1.1 palmerpenguins==0.1.6
    python tests/reference/make_datasets.py /tmp/d/lib/python3.*/site-packages posteriordb/

No package is imported, their files are read. ``posteriordb/`` has ``radon_mn.json``, ``eight_schools.json``, ``kidiq.json`` and
``wells_data.json`` of stan-dev/posteriordb. The hares and lynxes and the anaesthetists' ratings are short, and stand here; each is
compared with its second source below. tests/test_datasets.py compares what was written with numbers that others published.
"""

from __future__ import annotations

import ast
import csv
import json
import math
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2] / "workbench" / "datasets" / "data"

# stan-dev/example-models, knitr/lotka-volterra/hudson-bay-lynx-hare.csv; the same in pymc-devs/pymc-examples (ode_models).
LYNX = [4.0, 6.1, 9.8, 35.2, 59.4, 41.7, 19.0, 13.0, 8.3, 9.1, 7.4, 8.0, 12.3, 19.5, 45.7, 51.1, 29.7, 15.8, 9.7, 10.1, 8.6]
HARE = [30.0, 47.2, 70.2, 77.4, 36.3, 20.6, 18.1, 21.4, 22.0, 25.4, 27.1, 40.3, 57.0, 76.6, 52.3, 19.5, 11.2, 7.6, 14.6, 16.2, 24.7]

# Dawid and Skene, table 1, a word for each patient: three ratings of the first anaesthetist, one of each other. Twice: as NumPyro's
# examples/annotation.py has it, and as dallascard/dawid_skene has it.
NUMPYRO = """
1111111 3334334 1122122 2223121 2223222 2223322 1222111 3333433 2222223 2322223 4444444 2223343 1111111 2223212 1211111
1112111 1111111 1111111 2222221 2221322 2222222 2222221 2223222 2212222 1111111 1111111 2322222 1111111 1111111 1121121
1111111 3333233 1111111 2222222 2223232 4334343 2212232 2323233 3333432 1111111 1111111 1212111 2322222 1211111 2222222"""
DALLASCARD = """
111.1.1.1.1 333.4.3.3.4 112.2.1.2.2 222.3.1.2.1 222.3.2.2.2 222.3.3.2.2 122.2.1.1.1 333.3.4.3.3 222.2.2.2.3 232.2.2.2.3
444.4.4.4.4 222.3.3.4.3 111.1.1.1.1 222.3.2.1.2 121.1.1.1.1 111.2.1.1.1 111.1.1.1.1 111.1.1.1.1 222.2.2.2.1 222.1.3.2.2
222.2.2.2.2 222.2.2.2.1 222.3.2.2.2 221.2.2.2.2 111.1.1.1.1 111.1.1.1.1 232.2.2.2.2 111.1.1.1.1 111.1.1.1.1 112.1.1.2.1
111.1.1.1.1 333.3.2.3.3 111.1.1.1.1 222.2.2.2.2 222.3.2.3.2 433.4.3.4.3 221.2.2.3.2 232.3.2.3.3 333.3.4.3.2 111.1.1.1.1
111.1.1.1.1 121.2.1.1.1 232.2.2.2.2 121.1.1.1.1 222.2.2.2.2"""


def write(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table, a missing value as nothing."""
    with (HERE / f"{name}.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def numbers(path: Path, after: str) -> list[float]:
    """The first list of numbers in a source file after some text."""
    found = re.search(re.escape(after) + r"\(\[(.*?)\]\)", path.read_text(), re.S)
    assert found, path
    return list(ast.literal_eval(f"[{found[1]}]"))


def county(label: str) -> str:
    """A county's name as it is written."""
    words = label.strip().title().replace("Lac Qui Parle", "Lac qui Parle").replace("Mcleod", "McLeod")
    return words.replace("Lake Of The", "Lake of the").replace("St Louis", "St. Louis")


def radon(pymc: Path, stan: Path) -> None:
    """Homes in posteriordb's order, counties' names and uranium from PyMC's table; both have the same homes in each county."""
    table = list(csv.DictReader((pymc / "radon.csv").open()))
    data = json.loads((stan / "radon_mn.json").read_text())
    names = {int(r["county_code"]): county(r["county"]) for r in table}
    uranium = {int(r["county_code"]): r["Uppm"] for r in table}
    homes = list(zip((c - 1 for c in data["county_idx"]), data["floor_measure"], data["log_radon"]))
    theirs = sorted((int(r["county_code"]), int(float(r["floor"])), round(float(r["log_radon"]), 9)) for r in table)
    assert sorted((c, f, round(y, 9)) for c, f, y in homes) == theirs
    # posteriordb adds 0.1 to the uranium, too, before it takes the logarithm.
    assert all(abs(math.log(float(uranium[c]) + 0.1) - u) < 1e-12 for (c, _, _), u in zip(homes, data["log_uppm"]))
    write("radon", ["county", "floor", "log_radon", "uranium"], [(names[c], f, y, uranium[c]) for c, f, y in homes])


def main(packages: Path, stan: Path) -> None:
    """Write all."""
    HERE.mkdir(exist_ok=True)
    pymc, models = packages / "pymc3/examples/data", packages / "statsmodels/datasets"
    radon(pymc, stan)
    schools = json.loads((stan / "eight_schools.json").read_text())
    theirs = packages / "pymc3/examples/gelman_schools.py"
    assert schools["y"] == numbers(theirs, "y = np.array") and schools["sigma"] == numbers(theirs, "sigma = np.array")
    write("eight_schools", ["school", "y", "sigma"], zip("ABCDEFGH", schools["y"], schools["sigma"]))
    kids = json.loads((stan / "kidiq.json").read_text())
    write("kidiq", ["kid_score", "mom_hs", "mom_iq"], zip(kids["kid_score"], kids["mom_hs"], kids["mom_iq"]))
    wells = [line.split()[1:] for line in (pymc / "wells.dat").read_text().splitlines()[1:]]
    theirs = json.loads((stan / "wells_data.json").read_text())
    keys = ("switched", "arsenic", "dist", "assoc", "educ")
    assert all([float(x) for x in row] == [theirs[k][i] for k in keys] for i, row in enumerate(wells))
    # Distances are single precision in the source: six digits say all.
    write("wells", ["switched", "arsenic", "dist", "assoc", "educ"], [(s, float(a), f"{float(d):.8g}", o, e) for s, a, d, o, e in wells])
    disasters = numbers(packages / "pymc3/examples/disaster_model.py", "disasters_data = array")
    write("coal_disasters", ["year", "disasters"], zip(range(1851, 1962), disasters))
    games = list(csv.DictReader((pymc / "rugby.csv").open()))
    keys = ("year", "home_team", "away_team", "home_score", "away_score")
    write("rugby", keys, [[g[k] for k in keys] for g in games])
    weeks = list(csv.DictReader((models / "co2/co2.csv").open()))
    write("co2", ["date", "co2"], [(f"{w['date'][:4]}-{w['date'][4:6]}-{w['date'][6:]}", w["co2"]) for w in weeks])
    write("lynx_hare", ["year", "hare", "lynx"], zip(range(1900, 1921), HARE, LYNX))
    passengers = numbers(packages / "pmdarima/datasets/airpassengers.py", "rslt = np.array")
    write("airline", ["year", "month", "passengers"], [(1949 + i // 12, i % 12 + 1, n) for i, n in enumerate(passengers)])
    write("nile", ["year", "volume"], [r.values() for r in csv.DictReader((models / "nile/nile.csv").open())])
    spots = list(csv.reader((models / "sunspots/sunspots.csv").open()))[1:]
    write("sunspots", ["year", "sunspots"], spots)
    birds = list(csv.reader((packages / "palmerpenguins/data/penguins.csv").open()))
    write("penguins", birds[0], [["" if x == "NA" else x for x in b] for b in birds[1:]])
    players = list(csv.DictReader((pymc / "efron-morris-75-data.tsv").open(), delimiter="\t"))
    keys = ("At-Bats", "Hits", "SeasonAt-Bats", "SeasonHits")
    write("baseball", ["player", "at_bats", "hits", "season_at_bats", "season_hits"], [[f"{p['FirstName']} {p['LastName']}", *(p[k] for k in keys)] for p in players])
    patients = NUMPYRO.split()
    assert DALLASCARD.replace(".", "").split() == patients and len(patients) == 45
    raters = [0, 0, 0, 1, 2, 3, 4]
    write("anaesthetists", ["patient", "rater", "rating"], [(i + 1, r + 1, x) for i, w in enumerate(patients) for r, x in zip(raters, w)])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
