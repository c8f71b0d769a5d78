"""Methods as data: the coefficients of a step, of its error, and of what lies between its ends."""

from __future__ import annotations

from workbench.errors import ArgumentError, closest
from workbench.graph.frozen import frozen

Row = tuple[float, ...]


@frozen
class Tableau:
    """A Runge-Kutta method, or a Rosenbrock method where `gamma` is given, with s stages.

    A stage gives an increment u_i of the state over a step h. With f the right-hand side and J its Jacobian in y,

        u_i = h f(t + nodes_i h, y + sum_j stages_ij u_j)                                               Runge-Kutta
        (I / (h gamma) - J) u_i = f(t + nodes_i h, y + sum_j stages_ij u_j) + sum_j couplings_ij u_j / h + times_i h df/dt

    the latter as Hairer and Wanner write it (Solving Ordinary Differential Equations II, IV.7). In both the next state is
    ``y + sum_i weights_i u_i``, its error ``sum_i errors_i u_i``, and at ``t + theta h`` the state is
    ``y + sum_i u_i sum_d dense_id theta^(d+1)``.

    Attributes
    ----------
    order, error_order
        Of the method, and of the embedded one that its error is the difference from.
    nodes, stages, weights, errors, dense
        As above; a row of `stages` has a number for each stage before.
    gamma, couplings, times
        Of a Rosenbrock method.
    source
        Where the numbers are from.
    """

    name: str
    order: int
    error_order: int
    nodes: Row
    stages: tuple[Row, ...]
    weights: Row
    errors: Row
    dense: tuple[Row, ...]
    source: str
    gamma: float = 0.0
    couplings: tuple[Row, ...] = ()
    times: Row = ()

    @property
    def is_implicit(self) -> bool:
        """Whether a step solves linear systems, which stiff equations need."""
        return self.gamma != 0.0

    @property
    def ends_at_the_last_stage(self) -> bool:
        """Whether the last stage is at the end of the step, and its slope the first of the next."""
        return not self.is_implicit and self.stages[-1] == self.weights[: len(self.stages[-1])]


BOSH3 = Tableau(
    "Bosh3", 3, 2,
    nodes=(0.0, 1 / 2, 3 / 4, 1.0),
    stages=((), (1 / 2,), (0.0, 3 / 4), (2 / 9, 1 / 3, 4 / 9)),
    weights=(2 / 9, 1 / 3, 4 / 9, 0.0),
    errors=(5 / 72, -1 / 12, -1 / 9, 1 / 8),
    dense=((1.0, -4 / 3, 5 / 9), (0.0, 1.0, -2 / 3), (0.0, 4 / 3, -8 / 9), (0.0, -1.0, 1.0)),
    source="P. Bogacki and L. F. Shampine (1989), A 3(2) pair of Runge-Kutta formulas, Applied Mathematics Letters 2(4), 321-325",
)  # fmt: skip

DOPRI5 = Tableau(
    "Dopri5", 5, 4,
    nodes=(0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0),
    stages=(
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
    ),
    weights=(35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0.0),
    errors=(-71 / 57600, 0.0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40),
    dense=(
        (1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799),
        (0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072),
        (0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632),
        (0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844),
        (0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423),
    ),
    source="J. R. Dormand and P. J. Prince (1980), A family of embedded Runge-Kutta formulae, Journal of Computational and Applied Mathematics 6(1), 19-26; "
    "between the ends: L. F. Shampine (1986), Some practical Runge-Kutta formulas, Mathematics of Computation 46, 135-150",
)  # fmt: skip

TSIT5 = Tableau(
    "Tsit5", 5, 4,
    nodes=(0.0, 0.161, 0.327, 0.9, 0.9800255409045097, 1.0, 1.0),
    stages=(
        (),
        (0.161,),
        (-0.008480655492356989, 0.335480655492357),
        (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
        (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
        (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
        (0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774),
    ),
    weights=(0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774, 0.0),
    errors=(
        0.0017800110522257773, 0.0008164344596567463, -0.007880878010261994, 0.1447110071732629, -0.5823571654525552,
        0.45808210592918686, -0.015151515151515152,
    ),
    dense=(
        (1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216),
        (0.0, 0.1317, -0.2234, 0.1017),
        (0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253),
        (0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902),
        (0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928),
        (0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661),
        (0.0, 1.5, -4.0, 2.5),
    ),
    source="Ch. Tsitouras (2011), Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption, "
    "Computers & Mathematics with Applications 62(2), 770-775",
)  # fmt: skip

_M = (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946, 1.0, 1.0, 1.0)
_H = (
    (25.948786856663858, -2.5579724845846235, 10.433815404888879, -2.3679251022685204, 0.524948541321073, 1.1241088310450404, 0.4272876194431874, -0.17202221070155493),
    (-9.91568850695171, -0.9689944594115154, 3.0438037242978453, -24.495224566215796, 20.176138334709044, 15.98066361424651, -6.789040303419874, -6.710236069923372),
    (11.419903575922262, 2.8879645146136994, 72.92137995996029, 80.12511834622643, -52.072871366152654, -59.78993625266729, -0.15582684282751913, 4.883087185713722),
)  # fmt: skip
"""The state at theta is ``(1 - theta) y0 + theta (y1 + (1 - theta) (H_1 u + theta (H_2 u + theta H_3 u)))``."""

RODAS5P = Tableau(
    "Rodas5P", 5, 4,
    nodes=(0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0),
    stages=(
        (),
        (3.0,),
        (2.849394379747939, 0.45842242204463923),
        (-6.954028509809101, 2.489845061869568, -10.358996098473584),
        (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
        _M[:5], _M[:6], _M[:7],
    ),
    weights=_M,
    errors=(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
    dense=tuple((m + h1, h2 - h1, h3 - h2, -h3) for m, h1, h2, h3 in zip(_M, *_H)),
    source="G. Steinebach (2023), Construction of Rosenbrock-Wanner method Rodas5P and numerical benchmarks within the Julia Differential Equations package, "
    "BIT Numerical Mathematics 63, 27",
    gamma=0.21193756319429014,
    couplings=(
        (),
        (-14.155112264123755,),
        (-17.97296035885952, -2.859693295451294),
        (147.12150275711716, -1.41221402718213, 71.68940251302358),
        (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
        (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
        (30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783, -19.097331116725623, -28.087943162872662),
        (37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047, -40.06618937091002, -54.66780262877968, -9.48861652309627),
    ),
    times=(0.21193756319429014, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734, 2.325825639765069, 0.0, 0.0, 0.0),
)  # fmt: skip

TABLEAUS = {t.name: t for t in (TSIT5, DOPRI5, BOSH3, RODAS5P)}
"""The methods, by name."""
OTHER_NAMES = {"RK45": "Dopri5", "RK23": "Bosh3", "dopri5": "Dopri5", "tsit5": "Tsit5", "bosh3": "Bosh3", "rodas5p": "Rodas5P"}
"""SciPy's names of some of them, and the same in small letters."""
FOR_STIFF = frozenset({"Radau", "BDF", "LSODA", "lsoda", "bdf", "vode", "Kvaerno3", "Kvaerno4", "Kvaerno5", "Rodas4", "Rodas5", "Rosenbrock23", "CVODE", "radau"})
"""Methods of other packages for stiff equations."""


def tableau_of(method: str) -> Tableau:
    """Return a method by its name.

    Raises
    ------
    ArgumentError
        If there is none of that name.
    """
    name = OTHER_NAMES.get(method, method) if isinstance(method, str) else method
    if name in TABLEAUS:
        return TABLEAUS[name]
    listed = ", ".join(f"{t.name!r}" for t in TABLEAUS.values())
    if name in FOR_STIFF:
        raise ArgumentError(f"there is no method {method!r}", "for stiff equations there is method='Rodas5P'", argument="method")
    near = closest(str(method), TABLEAUS)
    raise ArgumentError(f"there is no method {method!r}", f"did you mean {near!r}?" if near else f"there are {listed}", argument="method")
