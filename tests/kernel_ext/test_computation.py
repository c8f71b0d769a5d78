import workbench as pm
import workbench.tensor as pt
from kernel_ext.graphs.computation import computation_of
from workbench.graph import topological


def model_of(values):
    with pm.Model() as made:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Normal("y", x, 1.0, observed=pm.Data("seen", values))
    return made


def test_a_model_is_computed_by_one_graph_until_it_changes():
    model = model_of([1.0, 2.0])
    first = computation_of(model)
    assert computation_of(model) is first and first.graph.results[0].name == "logp"
    steps = [p.after for p in first.trace.passes if p.kind == "rewrite"]
    assert steps[-1][0] is first.graph.results[0], "the last step is the graph that is compiled"
    with model:
        pm.Normal("z", 0.0, 1.0)
    assert len(topological(computation_of(model).graph.results)) > len(topological(first.graph.results))


def test_data_of_other_lengths_have_another_graph():
    model = model_of([1.0, 2.0])
    before = computation_of(model).graph
    with model:
        pm.set_data({"seen": [1.0, 2.0, 3.0]})
    assert computation_of(model).graph is not before


def test_functions_and_expressions_have_theirs():
    x = pt.vector("x", 3)
    f = pm.function([x], pt.log(pt.exp(x)), backend="numpy")
    found = computation_of(f)
    assert found.graph == f.graph and [p.name for p in found.trace.passes] == [p.name for p in f.trace.passes] and found.graph.results == (found.graph.params[0],)
    assert computation_of(pt.exp(x)).graph.results == (pt.exp(x),)


def test_a_model_without_variables_gives_no_number_a_name():
    computation_of(pm.Model())
    assert str(pt.constant(0.0)) == "0.0"
