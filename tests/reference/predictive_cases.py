"""Predictions written once, for PyMC and for workbench: each case is a function of the modelling module.

A case returns a model, posterior draws and the options of `sample_posterior_predictive`. Random variables
are all but certain (standard deviation `S`), and the draws of a variable are far from what it would be if
it were drawn, so that each result says what was taken from the draws, computed, or drawn anew.
"""

import arviz as az
import numpy as np

S = 1e-7
SHAPE = (2, 3)
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def posterior(values, **options):
    """Draws that are all the same, as InferenceData."""
    return az.from_dict(posterior={k: np.broadcast_to(v, (*SHAPE, *np.shape(v))).astype(float) for k, v in values.items()}, **options)


def fitted(pm, model, values, dims=None):
    """Draws with the data and coords of a model, stored as the library stores them."""
    coords = {d: list(range(int(model.dim_lengths[d].eval() if hasattr(model.dim_lengths[d], "eval") else model.dim_lengths[d]))) if c is None else list(c)
              for d, c in model.coords.items()}  # fmt: skip
    found = posterior(values, coords=coords, dims=dims or {})
    with model:
        stored = pm.sample_prior_predictive(2, random_seed=1)
    if "constant_data" in stored:
        found.add_groups({"constant_data": stored.constant_data})
    if "observed_data" in stored:
        found.add_groups({"observed_data": stored.observed_data})
    return found


# Interventions -------------------------------------------------------------------------------------


def chain(pm):
    """x, a deterministic of it, and what is observed."""
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, S)
        d = pm.Deterministic("d", 2.0 * x)
        pm.Normal("y", d, S, observed=1.0)
    return model


def mediated(pm):
    """A treatment that acts on the outcome through a latent mediator alone."""
    with pm.Model() as model:
        t = pm.Normal("t", 0.0, S)
        m = pm.Normal("m", 2.0 * t + 1.0, S)
        pm.Normal("y", 3.0 * m, S, observed=1.0)
    return model


@case
def set_above_a_deterministic(pm):
    return pm.do(chain(pm), {"x": 0.5}), posterior({"x": 3.0, "d": 6.0}), {}


@case
def set_above_a_deterministic_that_is_kept(pm):
    return pm.do(chain(pm), {"x": 0.5}), posterior({"x": 3.0, "d": 6.0}), {"var_names": ["d", "y"]}


@case
def set_above_a_latent_variable(pm):
    return pm.do(mediated(pm), {"t": 1.0}), posterior({"t": 5.0, "m": 50.0}), {}


@case
def set_latent_variable(pm):
    return pm.do(mediated(pm), {"m": 4.0}), posterior({"t": 5.0, "m": 50.0}), {}


@case
def set_to_a_constant(pm):
    return pm.do(chain(pm), {"x": 0.5}, make_interventions_shared=False), posterior({"x": 3.0, "d": 6.0}), {}


@case
def set_to_a_constant_above_a_latent_variable(pm):
    return pm.do(mediated(pm), {"t": 1.0}, make_interventions_shared=False), posterior({"t": 5.0, "m": 50.0}), {}


@case
def set_to_an_expression(pm):
    with pm.Model() as model:
        z = pm.Normal("z", 0.0, S)
        x = pm.Normal("x", 0.0, S)
        d = pm.Deterministic("d", 2.0 * x)
        pm.Normal("y", d, S, observed=1.0)
    return pm.do(model, {"x": 10.0 * z}), posterior({"z": 7.0, "x": 3.0, "d": 6.0}), {}


@case
def set_deterministic(pm):
    return pm.do(chain(pm), {"d": 10.0}), posterior({"x": 3.0, "d": 6.0}), {}


@case
def set_data_by_intervention(pm):
    with pm.Model() as model:
        x = pm.Data("x", np.array([1.0, 2.0]))
        b = pm.Normal("b", 0.0, S)
        d = pm.Deterministic("d", b * x)
        pm.Normal("y", d, S, observed=[1.0, 1.0])
    given = fitted(pm, model, {"b": 3.0, "d": [3.0, 6.0]})
    return pm.do(model, {"x": np.array([10.0, 20.0])}), given, {}


@case
def set_in_the_model_that_was_fitted(pm):
    model = pm.do(mediated(pm), {"t": 1.0})
    return model, fitted(pm, model, {"m": 50.0}), {}


@case
def set_to_a_constant_in_the_model_that_was_fitted(pm):
    model = pm.do(mediated(pm), {"t": 1.0}, make_interventions_shared=False)
    return model, fitted(pm, model, {"t": 1.0, "m": 50.0}), {}


@case
def set_to_an_expression_in_the_model_that_was_fitted(pm):
    with pm.Model() as model:
        z = pm.Normal("z", 0.0, S)
        x = pm.Normal("x", 0.0, S)
        m = pm.Normal("m", x, S)
        pm.Normal("y", m, S, observed=1.0)
    model = pm.do(model, {"x": 10.0 * z})
    return model, fitted(pm, model, {"z": 7.0, "x": 70.0, "m": 50.0}), {}


@case
def set_twice_through_data(pm):
    model = pm.do(mediated(pm), {"t": 1.0})
    given = fitted(pm, model, {"m": 50.0})
    with model:
        pm.set_data({"t": 2.0})
    return model, given, {}


@case
def set_along_a_dim(pm):
    with pm.Model(coords={"group": ["p", "q"]}) as model:
        a = pm.Normal("a", 0.0, S, dims="group")
        d = pm.Deterministic("d", 2.0 * a, dims="group")
        m = pm.Normal("m", d, S, dims="group")
        pm.Normal("y", m, S, observed=[1.0, 1.0], dims="group")
    given = fitted(pm, model, {"a": [5.0, 6.0], "d": [10.0, 12.0], "m": [50.0, 60.0]}, {k: ["group"] for k in "adm"})
    return pm.do(model, {"a": np.array([1.0, 2.0])}), given, {"var_names": ["d", "m", "y"]}


@case
def set_where_one_branch_is_not_below(pm):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, S)
        left, right = pm.Normal("left", x, S), pm.Normal("right", 0.0, S)
        both = pm.Deterministic("both", left + right)
        pm.Normal("y", both, S, observed=1.0)
    return pm.do(model, {"x": 0.5}), posterior({"x": 3.0, "left": 10.0, "right": 20.0, "both": 77.0}), {}


@case
def effect_of_two_interventions(pm):
    with pm.Model() as model:
        t = pm.Normal("t", 0.0, S)
        m = pm.Normal("m", 2.0 * t, S)
        c = pm.Normal("c", 0.0, S)
        pm.Normal("y", 3.0 * m + c, S, observed=1.0)
    return pm.do(pm.do(model, {"t": 1.0}), {"c": 100.0}), posterior({"t": 5.0, "m": 50.0, "c": 7.0}), {}


# Draws in several forms ----------------------------------------------------------------------------


def line(pm, x=(1.0, 2.0), name="x", prior=None):
    with pm.Model() as model:
        data = pm.Data(name, np.array(x), dims="obs")
        b = pm.Normal("b", 0.0, S)
        d = pm.Deterministic("d", b * data, dims="obs")
        pm.Normal("y", d, S, observed=np.zeros(len(x)), shape=d.shape)
    return model


FITTED = {"b": 5.0, "d": [5.0, 10.0]}
DIMS = {"d": ["obs"]}


def points(n=6, **values):
    return [{k: np.asarray(v) for k, v in values.items()} for _ in range(n)]


@case
def nothing_has_changed(pm):
    model = line(pm)
    return model, fitted(pm, model, {"b": 5.0, "d": [-5.0, -10.0]}, DIMS), {}


@case
def data_have_changed(pm):
    model = line(pm)
    given = fitted(pm, model, FITTED, DIMS)
    with model:
        pm.set_data({"x": [10.0, 20.0]})
    return model, given, {}


@case
def data_are_longer(pm):
    model = line(pm)
    given = fitted(pm, model, FITTED, DIMS)
    with model:
        pm.set_data({"x": [10.0, 20.0, 30.0]})
    return model, given, {"predictions": True}


@case
def draws_without_data(pm):
    return line(pm, (10.0, 20.0)), fitted(pm, line(pm), FITTED, DIMS).posterior, {}


@case
def draws_without_longer_data(pm):
    return line(pm, (10.0, 20.0, 30.0)), fitted(pm, line(pm), FITTED, DIMS).posterior, {}


@case
def stacked_draws(pm):
    return line(pm, (10.0, 20.0)), az.extract(fitted(pm, line(pm), FITTED, DIMS)), {"sample_dims": ["sample"]}


@case
def list_of_points(pm):
    return line(pm, (10.0, 20.0)), points(b=5.0, d=[5.0, 10.0]), {}


@case
def list_of_points_of_another_length(pm):
    return line(pm, (10.0, 20.0, 30.0)), points(b=5.0, d=[5.0, 10.0]), {}


@case
def data_of_another_name(pm):
    return line(pm, (10.0, 20.0), "new_x"), fitted(pm, line(pm), FITTED, DIMS), {}


@case
def more_sample_dims(pm):
    given = posterior({"b": 5.0}).posterior.expand_dims(again=2)
    return line(pm, (10.0, 20.0)), given, {"sample_dims": ["chain", "draw", "again"]}


@case
def data_that_a_prior_depends_on_are_not_known(pm):
    with pm.Model() as model:
        scale = pm.Data("scale", np.array([1.0, 2.0]))
        b = pm.Normal("b", scale, S)
        pm.Normal("y", b, S, observed=[1.0, 1.0])
    return model, fitted(pm, model, {"b": [50.0, 60.0]}).posterior, {}


@case
def data_that_nothing_asked_for_depends_on(pm):
    with pm.Model() as model:
        x, w = pm.Data("x", np.array([1.0])), pm.Data("w", np.array([1.0]))
        b = pm.Normal("b", 0.0, S)
        d = pm.Deterministic("d", b * x)
        c = pm.Normal("c", w, S, shape=1)
        pm.Deterministic("e", c * w)
        pm.Normal("y", d, S, observed=[1.0])
    given = fitted(pm, model, {"b": 5.0, "d": [-5.0], "c": [9.0], "e": [9.0]})
    with model:
        pm.set_data({"w": [3.0]})
    return model, given, {}


@case
def one_of_two_data_has_changed(pm):
    with pm.Model() as model:
        x, w = pm.Data("x", np.array([1.0])), pm.Data("w", np.array([1.0]))
        b = pm.Normal("b", 0.0, S)
        d, e = pm.Deterministic("d", b * x), pm.Deterministic("e", b * w)
        pm.Normal("y", d + e, S, observed=[1.0])
    given = fitted(pm, model, {"b": 5.0, "d": [-5.0], "e": [-5.0]})
    with model:
        pm.set_data({"w": [3.0]})
    return model, given, {}


# Data of special kinds -----------------------------------------------------------------------------


def scaled(pm):
    with pm.Model() as model:
        s = pm.Data("s", 2.0)
        b = pm.Normal("b", s, S)
        pm.Normal("y", b, S, observed=1.0)
    return model


@case
def scalar_data(pm):
    model = scaled(pm)
    return model, fitted(pm, model, {"b": 5.0}), {}


@case
def scalar_data_have_changed(pm):
    model = scaled(pm)
    given = fitted(pm, model, {"b": 5.0})
    with model:
        pm.set_data({"s": 7.0})
    return model, given, {}


@case
def whole_numbers_stored_in_another_width(pm):
    with pm.Model() as model:
        k = pm.Data("k", np.array([0, 1, 1]))
        b = pm.Normal("b", 0.0, S, shape=2)
        d = pm.Deterministic("d", b[k])
        pm.Normal("y", d, S, observed=np.zeros(3))
    given = fitted(pm, model, {"b": [5.0, 6.0], "d": [-5.0, -6.0, -6.0]})
    given.constant_data["k"] = given.constant_data["k"].astype("int32")
    return model, given, {}


# Dims and lengths ----------------------------------------------------------------------------------


@case
def observed_values_are_data(pm):
    with pm.Model() as model:
        x, seen = pm.Data("x", np.array([1.0, 2.0])), pm.Data("seen", np.array([0.0, 0.0]))
        b = pm.Normal("b", 0.0, S)
        pm.Normal("y", b * x, S, observed=seen)
    given = fitted(pm, model, {"b": 5.0})
    with model:
        pm.set_data({"x": [10.0, 20.0, 30.0], "seen": [0.0, 0.0, 0.0]})
    return model, given, {}


def grouped(pm, labels):
    with pm.Model(coords={"group": labels}) as model:
        mu = pm.Normal("mu", 0.0, S)
        a = pm.Normal("a", mu, S, dims="group")
        pm.Normal("y", a, S, observed=np.zeros(len(labels)), dims="group")
    return model


@case
def labels_are_the_same(pm):
    return grouped(pm, ["p", "q"]), fitted(pm, grouped(pm, ["p", "q"]), {"mu": 2.0, "a": [5.0, 6.0]}, {"a": ["group"]}), {}


@case
def labels_have_changed(pm):
    return grouped(pm, ["p", "r"]), fitted(pm, grouped(pm, ["p", "q"]), {"mu": 2.0, "a": [5.0, 6.0]}, {"a": ["group"]}), {}


@case
def more_groups(pm):
    return grouped(pm, ["p", "q", "r"]), fitted(pm, grouped(pm, ["p", "q"]), {"mu": 2.0, "a": [5.0, 6.0]}, {"a": ["group"]}), {}


@case
def labels_of_numbers(pm):
    given = fitted(pm, grouped(pm, [10, 20]), {"mu": 2.0, "a": [5.0, 6.0]}, {"a": ["group"]})
    given.posterior["group"] = np.array([10.0, 20.0])
    return grouped(pm, np.array([10, 20])), given, {}


@case
def draws_without_labels(pm):
    return grouped(pm, ["p", "q"]), posterior({"mu": 2.0, "a": [5.0, 6.0]}), {}


@case
def points_of_a_model_with_dims(pm):
    return grouped(pm, ["p", "q"]), points(mu=2.0, a=[5.0, 6.0]), {}


@case
def new_groups_in_another_model(pm):
    with pm.Model(coords={"new": ["r", "s", "t"]}) as model:
        mu = pm.Normal("mu", 0.0, S)
        a = pm.Normal("new_a", mu, S, dims="new")
        pm.Normal("new_y", a, S, dims="new")
    given = fitted(pm, grouped(pm, ["p", "q"]), {"mu": 2.0, "a": [5.0, 6.0]}, {"a": ["group"]})
    return model, given, {"var_names": ["new_a", "new_y"], "predictions": True}


@case
def dim_of_two(pm):
    def made(labels):
        with pm.Model(coords={"row": ["i", "j"], "column": labels}) as model:
            a = pm.Normal("a", 0.0, S, dims=("row", "column"))
            r = pm.Normal("r", 1.0, S, dims="row")
            pm.Normal("y", a + r[:, None], S, observed=np.zeros((2, 2)), dims=("row", "column"))
        return model

    given = fitted(pm, made(["p", "q"]), {"a": [[5.0, 6.0], [7.0, 8.0]], "r": [20.0, 30.0]}, {"a": ["row", "column"], "r": ["row"]})
    return made(["p", "z"]), given, {}


def each_row(pm):
    """A latent variable of each row, along a dim that has the length of data."""
    with pm.Model() as model:
        x = pm.Data("x", np.array([1.0, 2.0]), dims="obs")
        e = pm.Normal("e", 0.0, S, dims="obs")
        pm.Normal("y", x + e, S, observed=np.zeros(2), shape=x.shape)
    return model


@case
def latent_variable_of_each_row(pm):
    model = each_row(pm)
    return model, fitted(pm, model, {"e": [50.0, 60.0]}, {"e": ["obs"]}), {}


@case
def latent_variable_of_each_new_row(pm):
    model = each_row(pm)
    given = fitted(pm, model, {"e": [50.0, 60.0]}, {"e": ["obs"]})
    with model:
        pm.set_data({"x": [10.0, 20.0]})
    return model, given, {}


@case
def latent_variable_of_more_rows(pm):
    model = each_row(pm)
    given = fitted(pm, model, {"e": [50.0, 60.0]}, {"e": ["obs"]})
    with model:
        pm.set_data({"x": [10.0, 20.0, 30.0]})
    return model, given, {}


def labelled_rows(pm):
    with pm.Model(coords={"obs": ["p", "q"]}) as model:
        x = pm.Data("x", np.array([1.0, 2.0]), dims="obs")
        e = pm.Normal("e", 0.0, S, dims="obs")
        pm.Normal("y", x + e, S, observed=np.zeros(2), shape=x.shape)
    return model


@case
def latent_variable_of_the_same_labelled_rows(pm):
    model = labelled_rows(pm)
    given = fitted(pm, model, {"e": [50.0, 60.0]}, {"e": ["obs"]})
    with model:
        pm.set_data({"x": [10.0, 20.0]})
    return model, given, {}


@case
def latent_variable_of_rows_of_new_labels(pm):
    model = labelled_rows(pm)
    given = fitted(pm, model, {"e": [50.0, 60.0]}, {"e": ["obs"]})
    with model:
        pm.set_data({"x": [10.0, 20.0]}, coords={"obs": ["p", "r"]})
    return model, given, {}


@case
def latent_variable_of_more_labelled_rows(pm):
    model = labelled_rows(pm)
    given = fitted(pm, model, {"e": [50.0, 60.0]}, {"e": ["obs"]})
    with model:
        pm.set_data({"x": [10.0, 20.0, 30.0]}, coords={"obs": ["p", "q", "r"]})
    return model, given, {}


@case
def length_of_changed_data(pm):
    with pm.Model() as model:
        x = pm.Data("x", np.array([1.0, 2.0]))
        e = pm.Normal("e", 0.0, S, shape=x.shape)
        pm.Normal("y", x + e, S, observed=np.zeros(2), shape=x.shape)
    given = fitted(pm, model, {"e": [50.0, 60.0]})
    with model:
        pm.set_data({"x": [10.0, 20.0]})
    return model, given, {}


@case
def as_many_coefficients_as_changed_data_have_columns(pm):
    with pm.Model() as model:
        x = pm.Data("x", np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        b = pm.Normal("b", 0.0, S, shape=x.shape[1])
        pm.Normal("y", (x * b).sum(-1), S, observed=np.zeros(3), shape=x.shape[0])
    given = fitted(pm, model, {"b": [50.0, 60.0]})
    with model:
        pm.set_data({"x": [[1.0, 0.0], [0.0, 1.0]]})
    return model, given, {}


@case
def as_many_coefficients_as_a_labelled_dim(pm):
    with pm.Model(coords={"column": ["p", "q"]}) as model:
        x = pm.Data("x", np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), dims=("obs", "column"))
        b = pm.Normal("b", 0.0, S, dims="column")
        pm.Normal("y", (x * b).sum(-1), S, observed=np.zeros(3), shape=x.shape[0])
    given = fitted(pm, model, {"b": [50.0, 60.0]}, {"b": ["column"]})
    with model:
        pm.set_data({"x": [[1.0, 0.0], [0.0, 1.0]]})
    return model, given, {}


# What is asked for ---------------------------------------------------------------------------------


def steps(pm):
    """PyMC's example of `var_names`: x and y, z of both, a deterministic of z, and what is observed."""
    with pm.Model() as model:
        x = pm.Normal("x", 1.0, S)
        y = pm.Normal("y", 2.0, S)
        z = pm.Normal("z", x + 10.0 * y, S)
        det = pm.Deterministic("det", 100.0 * z)
        pm.Normal("obs", det, S, observed=[20.0])
    return model


STEPS = {"x": 5.0, "y": 6.0, "z": 7.0, "det": 8.0}


@case
def asked_for_nothing_in_particular(pm):
    return steps(pm), posterior(STEPS), {}


@case
def asked_for_what_is_observed(pm):
    return steps(pm), posterior(STEPS), {"var_names": ["obs"]}


@case
def asked_for_a_deterministic(pm):
    return steps(pm), posterior(STEPS), {"var_names": ["det"]}


@case
def asked_for_a_variable_and_its_deterministic(pm):
    return steps(pm), posterior(STEPS), {"var_names": ["z", "det"]}


@case
def asked_for_a_cause(pm):
    return steps(pm), posterior(STEPS), {"var_names": ["y", "z", "det"]}


@case
def asked_for_a_cause_and_a_far_deterministic(pm):
    return steps(pm), posterior(STEPS), {"var_names": ["y", "det"]}


@case
def asked_for_everything(pm):
    return steps(pm), posterior(STEPS), {"var_names": ["x", "y", "z", "det", "obs"]}


@case
def asked_for_deterministics_above_a_variable(pm):
    with pm.Model() as model:
        x = pm.Normal("x", 1.0, S)
        y = pm.Normal("y", 2.0, S)
        det_xy = pm.Deterministic("det_xy", x + y)
        z = pm.Normal("z", det_xy, S)
        det_z = pm.Deterministic("det_z", 10.0 * z)
        pm.Normal("obs", det_z, S, observed=[20.0])
    return model, posterior({"x": 5.0, "y": 6.0, "det_xy": 11.0, "z": 7.0, "det_z": 70.0}), {"var_names": ["det_xy", "det_z"]}


@case
def asked_for_data(pm):
    model = line(pm)
    return model, fitted(pm, model, FITTED, DIMS), {"var_names": ["x", "y"]}


@case
def asked_for_data_that_a_prior_depends_on(pm):
    model = scaled(pm)
    return model, fitted(pm, model, {"b": 5.0}), {"var_names": ["s", "y"]}


@case
def deterministic_is_given_beside_its_variable(pm):
    return chain(pm), posterior({"x": 3.0, "d": 100.0}), {}


@case
def deterministic_is_given_without_its_variable(pm):
    return chain(pm), posterior({"d": 100.0}), {}


@case
def deterministic_is_not_given(pm):
    return chain(pm), posterior({"x": 3.0}), {}


@case
def new_variable_between(pm):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, S)
        e = pm.Normal("e", 10.0 * x, S)
        pm.Normal("y", e, S)
    return model, posterior({"x": 3.0, "d": 6.0}), {"var_names": ["y"]}


@case
def observed_when_fitted(pm):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, S)
        pm.Normal("y", 2.0 * x, S)
    return model, fitted(pm, chain(pm), {"x": 3.0, "d": 6.0}), {}


@case
def observed_when_fitted_and_computed_now(pm):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, S)
        y = pm.Deterministic("y", 2.0 * x)
        pm.Deterministic("z", y + 1.0)
    return model, fitted(pm, chain(pm), {"x": 3.0, "d": 6.0}), {}


@case
def deterministics_of_what_is_observed(pm):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, S)
        y = pm.Normal("y", x, S, observed=1.0)
        pm.Deterministic("near", 2.0 * y)
        z = pm.Normal("z", y, S)
        pm.Deterministic("far", 2.0 * z)
    return model, posterior({"x": 3.0, "near": 2.0, "z": 8.0, "far": 16.0}), {}


@case
def latent_variable_is_observed(pm):
    return pm.observe(mediated(pm), {"m": 4.0}), posterior({"t": 5.0, "m": 50.0}), {}


@case
def missing_values(pm):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, S)
        y = pm.Normal("y", x, S, observed=np.array([1.0, np.nan, 3.0]))
        pm.Normal("z", 2.0 * y, S, observed=np.zeros(3))
    return model, posterior({"x": 3.0, "y_unobserved": [30.0], "y": [1.0, 30.0, 3.0]}), {}


@case
def parts_with_names(pm):
    with pm.Model(name="outer") as model:
        x = pm.Normal("x", 0.0, S)
        with pm.Model(name="inner"):
            d = pm.Deterministic("d", 2.0 * x)
            pm.Normal("y", d, S, observed=1.0)
    return model, posterior({"outer::x": 3.0, "outer::inner::d": 20.0}), {}


@case
def nothing_is_observed(pm):
    with pm.Model() as model:
        pm.Normal("x", 0.0, S)
    return model, posterior({"x": 3.0}), {}


@case
def potential_is_passed_over(pm):
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, S)
        pm.Potential("p", -(x**2))
        pm.Normal("y", x, S, observed=1.0)
    return model, posterior({"x": 3.0}), {}


@case
def draws_of_another_shape(pm):
    return chain(pm), posterior({"x": [3.0, 4.0]}), {}
