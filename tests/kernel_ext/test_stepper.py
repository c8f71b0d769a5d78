"""The rewrite stepper by its messages: states, what was compared, what is said, code, and what lasts in a saved notebook."""

import json
import time

import numpy as np
import pytest
from scipy import stats
from wire import Wire

import workbench as pm
import workbench.tensor as pt
from kernel_ext.stepper import Replay, RewriteStepper, trace_of
from kernel_ext.stepper.cells import Cells
from kernel_ext.stepper.checks import Checker
from kernel_ext.stepper.points import Points
from kernel_ext.stepper.text import lines_apart
from kernel_ext.widget.panel import STATIC
from workbench.graph import Pass, replace, rule, topological
from workbench.graph.rewrite import INSIDE, RULES
from workbench.rewrites import default_mode

pytestmark = pytest.mark.skipif(not (STATIC / "workbench.js").exists(), reason="the widgets are not built: run `make setup`")
HOSTILE = "<img src=x onerror=alert(1)>"


def hierarchy():
    with pm.Model(coords={"group": ["a", "b", "c"]}) as made:
        mu = pm.Normal("mu", 0.0, 2.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Normal("y", level[np.array([0, 1, 2, 2])], sigma, observed=[0.5, 1.0, -1.0, -0.5])
    return made


def gaussian_process():
    with pm.Model() as made:
        scale, size, noise = pm.InverseGamma("scale", 5, 5), pm.HalfNormal("size", 1.0), pm.HalfNormal("noise", 0.5)
        x = np.linspace(0, 3, 6)
        cov = size**2 * pt.exp(-0.5 * (x[:, None] - x) ** 2 / scale**2) + noise**2 * np.eye(6)
        pm.MvNormal("y", np.zeros(6), cov=cov, observed=np.sin(x))
    return made


def mixture():
    with pm.Model() as made:
        w, mu, sigma = pm.Dirichlet("w", np.ones(2)), pm.Normal("mu", 0, 3, shape=2), pm.HalfNormal("sigma", 1.0)
        pm.NormalMixture("y", w, mu, sigma, observed=np.array([-1.0, -1.2, 2.0, 2.2, 0.3]))
    return made


def series():
    with pm.Model() as made:
        rho, sigma = pm.Uniform("rho", -1, 1), pm.Exponential("sigma", 1.0)
        x = pm.AR("x", [rho], sigma=sigma, init_dist=pm.Normal.dist(0, 1), shape=12)
        pm.Normal("y", x, 0.5, observed=np.sin(np.arange(12)))
    return made


def loop():
    with pm.Model() as made:
        a, b = pm.Normal("a", 0, 1), pm.HalfNormal("b", 1)
        (_,), (path,) = pt.scan(lambda s: ([s * a + b], [s * a * 1.0 + b]), [pt.as_tensor(0.5)], n_steps=6)
        pm.Normal("y", path, 1.0, observed=np.arange(6.0))
    return made


def discrete():
    with pm.Model() as made:
        rate, p = pm.Gamma("rate", 2.0, 1.0), pm.Beta("p", 1, 1)
        pm.Poisson("n", rate, observed=np.array([1, 2, 4]))
        pm.Binomial("k", 10, p, observed=np.array([3, 4]))
        pm.ZeroInflatedPoisson("z", p, rate, observed=np.array([0, 2, 0, 1]))
    return made


MODELS = [hierarchy, gaussian_process, mixture, series, loop, discrete]


@pytest.fixture(scope="module")
def model():
    return hierarchy()


@pytest.fixture(scope="module")
def trace(model):
    return model.trace()


def replaced(trace):
    """The roots after each step, by replacing expressions as the engine's records say: slow, and of other code."""
    for p in trace.passes:
        if p.kind == "derive":
            yield from [None] * len(p.firings)
            continue
        roots, became = list(p.before), {}
        for f in p.firings:
            became[f.before] = f.after
            roots = replace(roots, {f.before: f.after})
            while any(n in became for n in topological(roots)):
                roots = replace(roots, became)
            yield roots


# States ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", MODELS)
def test_steps_lead_to_where_each_pass_ends(make):
    trace = make().trace()
    replay, at = Replay(trace), 0
    for p in replay.passes:
        at += len(p.firings)
        if p.kind == "rewrite" and p.firings:
            assert [a is b for a, b in zip(replay.roots(at), dict.fromkeys(p.after), strict=True)].count(False) == 0, p.name
    assert replay.unfitting == 0, "no pass's end had to be set right"


@pytest.mark.parametrize("make", [hierarchy, mixture])
def test_every_state_is_that_of_expressions_replaced_one_by_one(make):
    trace = make().trace()
    replay = Replay(trace)
    names = [p.name for p, _ in replay.firings]
    for n, roots in enumerate(replaced(trace), 1):
        if roots is None or names[n - 1] == "values":
            continue
        assert [a is b for a, b in zip(replay.roots(n), dict.fromkeys(roots), strict=True)].count(False) == 0, n


def test_a_step_touches_what_it_changes_and_no_more(trace):
    replay = Replay(trace)
    sizes = [len(replay.step(n).own) for n in range(1, len(replay) + 1)]
    assert np.median(sizes) <= 4 and max(sizes) <= 20


def test_a_replacement_that_holds_what_it_replaces_keeps_it():
    x = pt.vector("x", 3)
    a, b = pt.exp(x), pt.log(pt.exp(x))
    cells = Cells()
    cells.show([a + 1.0])
    cells.changes()
    cells.rewrite(a, b)
    state = cells.state()
    assert sorted(v.expr.op.name for v in state.values() if v.below) == ["add", "exp", "log"]


def test_users_that_become_equal_become_one():
    x, y = pt.vector("x", 3), pt.vector("y", 3)
    cells = Cells()
    cells.show([pt.exp(x) + pt.exp(y)])
    cells.changes()
    cells.rewrite(x, y)
    assert sorted(v.expr.op.name for v in cells.state().values()) == ["add", "exp", "input"]
    assert any(now is None for _, now in cells.changes().values())


def test_a_step_of_a_derivation_is_about_the_node_that_it_differentiates(trace):
    replay = Replay(trace)
    derived = [n for n, (p, _) in enumerate(replay.firings, 1) if p.kind == "derive"]
    assert derived and all(replay.exprs(n)[replay.step(n).about] is replay.firings[n - 1][1].before for n in derived)
    assert all(replay.step(n).about == -1 for n in range(1, derived[0]))


def test_steps_within_loops_change_their_bodies():
    trace = loop().trace()
    replay = Replay(trace)
    inside = [n for n, (_, f) in enumerate(replay.firings, 1) if f.depth]
    assert inside and all(replay.step(n).own for n in inside)
    assert all(replay.state(n)[c].body >= 0 for n in inside for c in replay.step(n).made)
    whole = [n for n, (_, f) in enumerate(replay.firings, 1) if f.rule is INSIDE]
    assert whole and all(not replay.step(n).made for n in whole), "the loop stays the node that it was"


# Messages -------------------------------------------------------------------------------------------------------


def drawn_state(columns):
    """The nodes of a page: by cell, label and inputs."""
    words, ends = columns["words"], columns["ends"]
    return [(words[label], tuple(columns["inputs"][a:b].tolist())) for label, a, b in zip(columns["label"], ends[:-1], ends[1:])]


def test_blocks_do_and_undo_what_pages_show(trace):
    wire = Wire(RewriteStepper(trace))
    content, cols = wire.ask(t="hello")
    assert content["t"] in ("steps", "names")
    content, cols = wire.of("steps")[-1]
    assert len(cols["rule"]) == len(trace) == sum(p["firings"] for p in content["passes"])

    def page(step):
        _, columns = wire.ask(t="page", rid=1, step=step)
        rows = drawn_state(columns)
        return {c: rows[i] for c, i in zip(columns["cell"].tolist(), columns["now"].tolist())}

    size, state = content["block"], page(0)
    for number in range(len(trace) // size + 1):
        content, columns = wire.ask(t="block", rid=2, block=number)
        assert content["t"] == "block" and content["rid"] == 2
        rows = drawn_state(columns)
        before = dict(state)
        for i in range(len(columns["step"]) - 1):
            changes = range(columns["step"][i], columns["step"][i + 1])
            for k in changes:
                cell, was, now = (int(columns[name][k]) for name in ("cell", "was", "now"))
                assert (rows[was] if was >= 0 else None) == state.get(cell)
                state.pop(cell, None)
                if now >= 0:
                    state[cell] = rows[now]
            assert state == page(number * size + i + 1)
        for k in reversed(range(len(columns["cell"]))):
            cell, was = int(columns["cell"][k]), int(columns["was"][k])
            state.pop(cell, None)
            if was >= 0:
                state[cell] = rows[was]
        assert state == before
        state = page(min((number + 1) * size, len(trace)))


def test_a_step_is_less_than_four_kilobytes():
    with pm.Model() as many:
        x = pm.Normal("x0", 0.0, 1.0)
        for i in range(1, 60):
            x = pm.Normal(f"x{i}", x, 1.0)
        pm.Normal("y", x, 1.0, observed=1.0)
    stepper = RewriteStepper.of(many)
    wire = Wire(stepper)
    sizes = []
    wire.panel.send = lambda content, buffers=None: sizes.append(len(json.dumps(content)) + sum(map(len, buffers or [])))
    count = len(stepper.replay)
    for number in range(count // 64 + 1):
        wire.say(t="block", rid=1, block=number)
    assert sum(sizes) / count < 1000 and max(sizes) < 256 * 1024


def waited(wire, kind, **content):
    """What is answered from another thread."""
    had = len(wire.of(kind))
    wire.say(**content)
    until = time.time() + 20
    while len(wire.of(kind)) == had:
        assert time.time() < until and not wire.of("wrong"), wire.of("wrong")
        time.sleep(0.005)
    return wire.of(kind)[-1][0]


def test_a_step_says_what_it_did_and_a_check_shows_values_on_both_sides(model, trace):
    wire = Wire(RewriteStepper.of(model))
    step = next(n for n, (_, f) in enumerate(wire.part.replay.firings, 1) if f.rule.name == "square_from_power")
    said, _ = wire.ask(t="detail", rid=5, step=step)
    assert (said["rid"] == 5 and "".join(t for t, _ in said["after"]).startswith("square(")) or "²" in "".join(t for t, _ in said["after"])
    assert any(changed for _, changed in said["before"]) and not all(changed for _, changed in said["before"])
    found = waited(wire, "check", t="check", rid=6, step=step)
    assert found["holds"] and len(found["rows"]) == 3 and found["rows"][0]["before"] == found["rows"][0]["after"]
    json.dumps(found, allow_nan=False)


def test_a_node_says_which_step_made_it_and_what_becomes_of_it(model):
    wire = Wire(RewriteStepper.of(model))
    replay = wire.part.replay
    step = next(n for n in range(1, len(replay)) if replay.step(n).made)
    cell = replay.step(step).made[0]
    said, _ = wire.ask(t="node", rid=1, step=step, cell=cell)
    assert said["made"] == step and said["rule"] == replay.firings[step - 1][1].rule.name and said["formula"]
    assert wire.panel.numbers.expr(said["key"]) is replay.exprs(step)[cell]
    gone, _ = wire.ask(t="node", rid=1, step=0, cell=cell)
    assert gone["t"] == "wrong" and "no node" in gone["message"]


def test_a_node_says_why_a_rule_does_not_fire_there():
    x = pt.scalar("x")
    wire = Wire(RewriteStepper.of(pt.log(x + 2.0)))
    (cell,) = (c for c, v in wire.part.replay.state(0).items() if v.expr.op is pt.log)
    said, _ = wire.ask(t="why_not", rid=1, step=0, cell=cell, rule="log_of_one_plus")
    assert said["text"].startswith("The pattern log(1 + small) wants 1 where 2 stands.")
    node, _ = wire.ask(t="node", rid=2, step=0, cell=cell)
    assert "log_of_one_plus" in node["rules"]


def test_a_rule_says_what_it_turns_into_what_and_how_it_is_proved(model):
    wire = Wire(RewriteStepper.of(model))
    number = [r.name for r in wire.part.rules].index("log_of_exp")
    said, _ = wire.ask(t="rule", rid=1, rule=number)
    assert "->" in said["text"] and said["proved"] and said["place"].endswith(said["place"].split()[-1]) and "def log_of_exp" in said["source"]


def test_an_expression_of_another_tab_is_found(model):
    wire = Wire(RewriteStepper.of(model))
    final = wire.part.replay.roots(len(wire.part.replay))[0]
    said, _ = wire.ask(t="place", rid=1, key=wire.panel.numbers.of(final))
    assert said["step"] and said["cells"] and wire.part.replay.exprs(said["step"])[said["cells"][0]] is not None


def test_steps_that_concern_a_variable(model):
    wire = Wire(RewriteStepper.of(model))
    said, _ = wire.ask(t="concerning", rid=1, name="sigma")
    firings = wire.part.replay.firings
    assert 5 < len(said["steps"]) < len(firings)
    named = {n for s in said["steps"] for n in topological([firings[s - 1][1].before, firings[s - 1][1].after]) if (n.name or "").startswith("sigma")}
    assert named
    nothing, _ = wire.ask(t="concerning", rid=1, name=HOSTILE)
    assert nothing["steps"] == []


def test_any_two_steps_are_compared(model):
    wire = Wire(RewriteStepper.of(model))
    total = len(wire.part.replay)
    said = waited(wire, "compare", t="compare", rid=1, a=0, b=total)
    _, ghosts = wire.of("compare")[-1]
    first, last = (wire.part.replay.state(n) for n in (0, total))
    assert said["made"] and said["went"] >= len(ghosts["cell"]) > 0 and "".join(t for t, _ in said["after"])
    assert all(c in first and c not in last for c in ghosts["cell"].tolist())
    same = waited(wire, "compare", t="compare", rid=1, a=3, b=3)
    assert not (same["made"] or same["went"] or same["changed"])


def test_after_the_rules_come_loops_memory_and_c(model):
    wire = Wire(RewriteStepper.of(model))
    names = wire.ask(t="hello") and wire.of("steps")[-1][0]["stages"]
    texts = [waited(wire, "stage", t="stage", rid=i, stage=i) for i in range(len(names))]
    assert [t["name"] for t in texts] == names
    assert "for i0 < 4" in "\n".join(line for _, line in texts[0]["lines"])
    assert any(kind == "+" and "memory:" in line for kind, line in texts[3]["lines"])
    assert texts[-1]["lines"][0][1].startswith("int32_t run(")


def test_where_a_page_goes_on_when_it_is_loaded_again(model):
    wire = Wire(RewriteStepper.of(model))
    wire.say(t="hello")
    assert wire.of("steps")[-1][0]["start"] == 0
    wire.say(t="at", step=12)
    wire.say(t="detail", rid=1, step=13)
    wire.say(t="hello")
    assert wire.of("steps")[-1][0]["start"] == 12


def test_one_pass_can_be_shown(model):
    wire = Wire(RewriteStepper(model.trace(), "gradient"))
    wire.say(t="hello")
    content, _ = wire.of("steps")[-1]
    assert [p["name"] for p in content["passes"]] == ["gradient"] and not content["stages"]
    with pytest.raises(ValueError, match="passes: log-probability, values, unconstrained, flat vector, gradient"):
        RewriteStepper(model.trace(), "nothing").replay


@pytest.mark.parametrize("rubbish", [{"t": "detail"}, {"t": "detail", "step": "x"}, {"t": "block", "block": 10**9}, {"t": "block", "block": -1},
                                     {"t": "page", "step": 1, "page": -5}, {"t": "node", "step": 1, "cell": -3}, {"t": "why_not", "step": 1},
                                     {"t": "place", "key": 10**9}, {"t": "compare", "a": []}, {"t": "stage", "stage": None}, {"t": "check", "step": 0}])  # fmt: skip
def test_rubbish_is_answered_and_harms_nothing(model, rubbish):
    wire = Wire(RewriteStepper(model.trace()))
    wire.say(rid=1, **rubbish)
    assert all(c["t"] in ("wrong", "page", "detail") for c, _ in wire.sent)
    assert wire.ask(t="detail", rid=2, step=1)[0]["t"] == "detail"


def test_an_expression_on_which_no_rule_fires():
    wire = Wire(RewriteStepper.of(pt.scalar("x")))
    wire.say(t="hello")
    assert sum(p["firings"] for p in wire.of("steps")[-1][0]["passes"]) == 0
    content, columns = wire.ask(t="page", rid=1, step=0)
    assert columns["words"][columns["label"][0]] == "x"


# What is compared -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", MODELS)
def test_almost_every_step_is_checked_and_holds(make):
    model = make()
    checker = Checker(model)
    found = [(p, f, checker.check(p, i)) for p in model.trace().passes for i, f in enumerate(p.firings)]
    wrong = [(p.name, f.rule.name, c.how, c.rows) for p, f, c in found if c.rows and not c.holds]
    assert not wrong
    checked = [c for _, _, c in found if c.rows]
    assert len(checked) >= 0.95 * len(found)
    assert all(c.how.endswith(".") for _, _, c in found), "a sentence, also where there is nothing to compare"


def test_steps_of_a_sampler_are_checked_with_a_density_in_its_slot():
    trace = trace_of("nuts")
    every = [(p, i) for p in trace.passes for i in range(len(p.firings))][::19]
    found = [Checker().check(p, i) for p, i in every]
    assert all(c.rows and c.holds for c in found)
    assert any("a standard normal stands" in c.how for c in found)


def test_the_derivation_of_a_gradient_is_a_part_of_its_steps_and_checked():
    x = pt.vector("x", 3)
    trace = trace_of(pm.grad(pt.sum(pt.log(1 + x) ** 2), x))
    assert "gradient" in [p.name for p in trace.passes] and Replay(trace).step(len(trace)).result is not None
    checks = [Checker().check(p, i) for p in trace.passes for i in range(len(p.firings))]
    assert all(c.rows and c.holds for c in checks)
    second = trace_of(pm.hessian(pt.sum(x**3), x))
    checks = [(p.name, Checker().check(p, i)) for p in second.passes for i in range(len(p.firings))]
    assert all(c.holds for _, c in checks) and all(c.rows for name, c in checks if name != "batch")


def test_densities_are_compared_with_scipys(model):
    checker, trace = Checker(model), model.trace()
    record = trace.passes[0]
    by_name = {}
    for i, f in enumerate(record.firings):
        check = checker.check(record, i)
        if check.sides[0] == "SciPy":
            by_name[f.before.inputs[0].name] = check
    assert set(by_name) == {"mu", "sigma", "level", "y"}
    assert np.isclose(float(by_name["mu"].rows[0].before), stats.norm.logpdf(0.0, 0.0, 2.0))


def firing_of(turn, x):
    """The record of a pass with one rule, made for a test, that turns `x` into something."""
    made = rule("test", ops=(type(x.op),), examples=lambda: [x])(turn)
    try:
        return Pass("test", (made,)).run([x])[1]
    finally:
        del RULES[made.name]


def test_a_wrong_rule_is_seen():
    x = pt.vector("x", 3)

    def wrong(expr):
        """The logarithm of a little more is taken for the logarithm."""
        return pt.log1p(expr.inputs[0] * 1.001 - 1.0) if expr.op is pt.log else None

    record = firing_of(wrong, pt.log(x))
    check = Checker().check(record, 0)
    assert check.rows and not check.holds and 0.0009 < check.worst < 0.0011


def test_a_wrong_derivative_is_seen(model):
    trace = model.trace()
    record = next(p for p in trace.passes if p.kind == "derive")
    index = len(record.firings) - 1
    from workbench.graph.frozen import changed

    bad = [*record.firings[:-1], changed(record.firings[-1], after=record.firings[-1].after * 1.01)]
    assert Checker(model).check(record, index).holds
    assert not Checker(model).check(changed(record, firings=tuple(bad)), index).holds


def test_a_wrong_density_is_seen(model):
    from workbench.graph.frozen import changed

    record = model.trace().passes[0]
    index = next(i for i, f in enumerate(record.firings) if f.rule.name == "density_of_draw")
    bad = list(record.firings)
    bad[index] = changed(bad[index], after=bad[index].after + 0.01)
    assert not Checker(model).check(changed(record, firings=tuple(bad)), index).holds


@pytest.mark.parametrize("make_input", [
    lambda: pt.cast(pt.tensor("n", "int64", (3,)), "float64"), lambda: pt.cast(pt.tensor("b", "bool", (3,)), "float64"), lambda: pt.tensor("f", "float32", (3,)),
])  # fmt: skip
def test_inputs_of_any_dtype_have_values(make_input):
    x = make_input()
    _, trace = default_mode().run([(x + 0.0) * 1.0])
    checks = [Checker().check(p, i) for p in trace.passes for i in range(len(p.firings))]
    assert checks and all(c.rows and c.holds for c in checks)


def test_inputs_are_drawn_where_the_step_is_defined():
    x = pt.scalar("x")
    values = [found[0] for _, found in Points().at([x], [pt.log(x)])]
    assert np.isfinite(values).all()


def test_what_cannot_be_compared_says_why():
    with pm.Model() as model:
        x = pm.Normal("x", 0, 1, shape=4)
        pm.CustomDist("own", x, logp=lambda value, at: -pt.abs(value - at), observed=np.zeros(4))
    trace = model.trace()
    record = trace.passes[0]
    reasons = [c.how for i in range(len(record.firings)) if not (c := Checker(model).check(record, i)).rows]
    assert reasons == ["SciPy has no CustomDist to compare this log-density with."]


# What lasts -----------------------------------------------------------------------------------------------------


def test_a_saved_notebook_has_the_passes_and_the_steps_that_tell_most(model):
    bundle = RewriteStepper.of(model).static()
    html = bundle["text/html"]
    assert len(html) < 30_000
    assert 6 <= html.count("<span style=\"opacity:.7\">step ") <= 10
    assert "Nothing to do for reroll, unused results" in html
    assert all(p.name in html and p.name in bundle["text/plain"] for p in model.trace().passes)
    assert "before any rule" in html and "at the end" in html and "line-through" in html and "underline" in html


def test_names_are_text_in_what_lasts():
    with pm.Model() as model:
        x = pm.Normal(HOSTILE)
        pm.Normal("y", x, 1.0, observed=1.0)
    html = RewriteStepper.of(model).static()["text/html"]
    assert "<img" not in html and "&lt;img" in html


def test_a_rule_of_ones_own_is_in_the_next_trace():
    x = pt.vector("x", 3)

    @rule("stabilise", ops=(type(pt.tanh(x).op),), examples=lambda: [pt.tanh(x)])
    def tanh_by_me(expr):
        """Mine."""
        a = expr.inputs[0]
        return (pt.exp(2.0 * a) - 1.0) / (pt.exp(2.0 * a) + 1.0) if expr.op is pt.tanh else None

    try:
        wire = Wire(RewriteStepper.of(pt.tanh(x)))
        wire.say(t="hello")
        assert "tanh_by_me" in [r["name"] for r in wire.of("steps")[-1][0]["rules"]]
    finally:
        del RULES["tanh_by_me"]


def test_lines_of_code_that_stay_are_told_by_their_number():
    before, after = "\n".join(map(str, range(20))), "\n".join(map(str, [*range(10), "new", *range(10, 20)]))
    assert lines_apart(before, after) == [
        ("@", "7 lines are the same"), (" ", "7"), (" ", "8"), (" ", "9"), ("+", "new"), (" ", "10"), (" ", "11"), (" ", "12"), ("@", "7 lines are the same"),
    ]  # fmt: skip


# The magic ------------------------------------------------------------------------------------------------------


@pytest.fixture
def shown(model, monkeypatch):
    """What `%steps` shows, by its line."""
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "kernel_ext")
    x = pt.vector("x", 3)
    shell.user_ns.update(m=model, x=x, pt=pt, f=pm.function([x], pt.log(1.0 + x), backend="numpy"))
    panels = []
    monkeypatch.setattr("kernel_ext.magics.show", panels.append)

    def run(line):
        shell.run_line_magic("steps", line)
        return panels[-1]

    yield run
    shell.run_line_magic("unload_ext", "kernel_ext")


@pytest.mark.parametrize("line, rule_name, parts", [
    ("m", "density_of_draw", 6), ("pt.log(1.0 + x)", "log_of_one_plus", 2), ("f", "log_of_one_plus", 1), ("m --sampler nuts", "inside", 1),
])  # fmt: skip
def test_steps_of_models_expressions_functions_and_samplers(shown, line, rule_name, parts):
    panel = shown(line)
    assert panel.first == "steps" and rule_name in [r.name for r in panel.members["steps"].rules]
    assert len(panel.members) >= min(parts, 3)


def test_steps_of_something_else_say_what_they_are_of(shown):
    with pytest.raises(Exception, match="is a module, not a model, an expression or a compiled function"):
        shown("pt")
    with pytest.raises(Exception, match="invalid choice: 'gibs'"):
        shown("m --sampler gibs")


def test_a_sampler_opens_where_something_happens():
    stepper = RewriteStepper.of("hmc")
    wire = Wire(stepper)
    wire.say(t="hello", have=0)
    (content, _), *_ = wire.of("steps")
    idle = next(p for p in content["passes"] if p["firings"])
    assert idle["name"] == "unused results" and idle["firings"] > 50 and content["start"] == idle["firings"]
    # Who went back to the beginning finds it there.
    stepper.on_at({"step": 0})
    wire.say(t="hello", have=0)
    assert wire.of("steps")[-1][0]["start"] == 0
