"""Where names of PyMC, PyTensor and ArviZ are here: the same thing under another address, or what to write instead.

Code that was written for PyMC calls a thing by many addresses: ``pt.extra_ops.cumsum`` is ``pt.cumsum``. The tables say which,
and what takes the place of what is not there; modules ask them for what they do not have (:func:`answers`).
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType, ModuleType
from typing import Any

PM, PT, DIST = "workbench", "workbench.tensor", "workbench.distributions"

NAMESPACES: dict[str, tuple[str, ...]] = {
    # PyTensor's modules of tensors.
    f"{PT}.basic": (PT,),
    f"{PT}.extra_ops": (PT,),
    f"{PT}.math": (PT,),
    f"{PT}.subtensor": (PT,),
    f"{PT}.sort": (PT,),
    f"{PT}.variable": (PT,),
    f"{PT}.type": (PT,),
    f"{PT}.nlinalg": (f"{PT}.linalg", PT),
    f"{PT}.slinalg": (f"{PT}.linalg", PT),
    # PyMC's modules of distributions and models.
    f"{DIST}.timeseries": (DIST,),
    f"{DIST}.multivariate": (DIST,),
    f"{DIST}.censored": (DIST,),
    f"{DIST}.truncated": (DIST,),
    f"{DIST}.transforms": ("workbench.transforms",),
    f"{DIST}.shape_utils": (),
    f"{PM}.sampling": ("workbench.inference",),
    f"{PM}.sampling.jax": ("workbench.inference.sampling_jax",),
    f"{PM}.sampling_jax": ("workbench.inference.sampling_jax",),
    f"{PM}.smc": ("workbench.inference.smc",),
    f"{PM}.logprob": ("workbench.transforms.logprob",),
    f"{PM}.exceptions": ("workbench.errors",),
    f"{PM}.pytensorf": ("workbench.transforms",),
    f"{PM}.pytensor": (),
    f"{PM}.pytensor.tensor": (PT,),
    f"{PM}.pytensor.graph": (),
    f"{PM}.pytensor.graph.op": (),
    f"{PM}.pytensor.graph.basic": (),
    f"{PM}.pytensor.graph.replace": (),
    f"{PM}.pytensor.graph.traversal": (),
    f"{PM}.pytensor.compile": (),
    f"{PM}.pytensor.compile.ops": (),
    f"{PM}.pytensor.compile.builders": (),
    f"{PM}.pytensor.gradient": (),
    f"{PM}.pytensor.ifelse": (),
    f"{PM}.pytensor.printing": (),
    f"{PM}.pytensor.scan": (),
    f"{PM}.pytensor.scan.basic": (),
    f"{PM}.pytensor.scan.utils": (),
    f"{PM}.pytensor.scan.views": (),
    f"{PM}.stats": (PM,),
    f"{PM}.plots": (PM,),
    f"{PM}.data": (PM,),
    f"{PM}.func_utils": (PM,),
    f"{PM}.callbacks": ("workbench.inference.approximations.callbacks",),
    # PyMC's modules of Gaussian processes.
    f"{PM}.gp.gp": ("workbench.gp",),
    f"{PM}.gp.hsgp_approx": ("workbench.gp.hilbert_space",),
    # PyMC's module of differential equations.
    f"{PM}.ode.ode": ("workbench.ode",),
}
"""Modules of theirs, under our name, and those whose names they offer."""

ALSO: dict[str, tuple[str, ...]] = {
    f"{PT}.special": (PT,),
    f"{PT}.shape": (PT,),
    f"{DIST}.continuous": (DIST,),
    f"{DIST}.discrete": (DIST,),
    f"{DIST}.mixture": (DIST,),
    f"{DIST}.distribution": (DIST,),
}
"""Modules of ours that share a name with one of theirs, and where the rest of its names is."""

_ARVIZ = (
    "apply_test_function autocorr autocov bayes_factor bfmi compare ELPDData ess hdi kde loo loo_pit make_ufunc mcse plot_autocorr plot_bf plot_bpv"
    " plot_compare plot_density plot_dist plot_dist_comparison plot_dot plot_ecdf plot_elpd plot_energy plot_ess plot_forest plot_hdi plot_kde"
    " plot_khat plot_lm plot_loo_pit plot_mcse plot_pair plot_parallel plot_posterior plot_ppc plot_rank plot_separation plot_trace plot_ts"
    " plot_violin psens psislw r2_samples r2_score reloo rhat smooth_data summary waic weight_predictions wrap_xarray_ufunc"
)

_OWN, _SCAN, _GRAPHS = "workbench.tensor.black_box", "workbench.tensor.control.recurrence", "workbench.transforms.graph_functions"
_LOOPS = {n: f"{_SCAN}:{n}" for n in ("scan", "map", "reduce", "foldl", "foldr")}
_REPLACE = {n: f"{_GRAPHS}:{n}" for n in ("clone_replace", "graph_replace")} | {"vectorize_graph": "workbench.transforms:vectorize_graph"}
_TRAVERSE = {n: f"{_GRAPHS}:{n}" for n in ("ancestors", "graph_inputs", "explicit_graph_inputs")}

ALIASES: dict[str, dict[str, str]] = {
    PM: {
        **{name: f"arviz:{name}" for name in _ARVIZ.split()},
        "SamplingError": "workbench.errors:SamplingError",
        "ShapeError": "workbench.errors:ShapeError",
        "floatX": "workbench.tensor.aliases:as_floats",
        "intX": "workbench.tensor.aliases:as_integers",
        "scan": "workbench.tensor.control.recurrence:scan",
        "model_to_mermaid": "workbench.model.diagrams:model_to_mermaid", "model_to_networkx": "workbench.model.diagrams:model_to_networkx",
    },
    f"{PM}.math": {"matrix_inverse": f"{PT}.linalg:inv"},
    f"{PM}.pytensor": {
        "function": "workbench.compile:function", "grad": "workbench.transforms:grad", "shared": "workbench.tensor.aliases:shared",
        "config": "workbench.tensor.aliases:config", "wrap_py": f"{_OWN}:wrap_py", "wrap_jax": f"{_OWN}:wrap_jax",
        "dprint": f"{_GRAPHS}:dprint", "pp": f"{_GRAPHS}:pp", "pprint": f"{_GRAPHS}:pp", "clone_replace": f"{_GRAPHS}:clone_replace",
        "graph_replace": f"{_GRAPHS}:graph_replace", "OpFromGraph": f"{_GRAPHS}:OpFromGraph", "as_op": f"{_OWN}:as_op",
        **_LOOPS,
    },
    f"{PM}.pytensor.scan": {**_LOOPS, "until": f"{_SCAN}:until"},
    f"{PM}.pytensor.scan.basic": {"scan": f"{_SCAN}:scan"},
    f"{PM}.pytensor.scan.utils": {"until": f"{_SCAN}:until"},
    f"{PM}.pytensor.scan.views": {n: a for n, a in _LOOPS.items() if n != "scan"},
    f"{PM}.pytensor.graph": {"Op": f"{_OWN}:Op", "Apply": f"{_OWN}:Apply", "Variable": "workbench.tensor.tensor:Tensor", **_REPLACE, **_TRAVERSE},
    f"{PM}.pytensor.graph.op": {"Op": f"{_OWN}:Op", "Apply": f"{_OWN}:Apply"},
    f"{PM}.pytensor.graph.basic": {"Apply": f"{_OWN}:Apply", "Variable": "workbench.tensor.tensor:Tensor", **_TRAVERSE},
    f"{PM}.pytensor.graph.replace": _REPLACE,
    f"{PM}.pytensor.graph.traversal": _TRAVERSE,
    f"{PM}.pytensor.compile": {"function": "workbench.compile:function", "as_op": f"{_OWN}:as_op", "wrap_py": f"{_OWN}:wrap_py"},
    f"{PM}.pytensor.compile.ops": {"as_op": f"{_OWN}:as_op", "wrap_py": f"{_OWN}:wrap_py"},
    f"{PM}.pytensor.compile.builders": {"OpFromGraph": f"{_GRAPHS}:OpFromGraph"},
    f"{PM}.pytensor.gradient": {
        **{n: f"workbench.transforms:{n}" for n in ("grad", "jacobian", "hessian", "hessian_vector_product", "Lop", "Rop")},
        "consider_constant": "workbench.tensor:stop_gradient", "disconnected_grad": "workbench.tensor:stop_gradient",
        "zero_grad": "workbench.tensor:stop_gradient",
        **{n: f"{_OWN}:{n}" for n in ("disconnected_type", "grad_undefined", "grad_not_implemented")}, "DisconnectedType": f"{_OWN}:Disconnected",
        **{n: f"{_GRAPHS}:{n}" for n in ("grad_clip", "grad_scale", "verify_grad")},
    },
    f"{PM}.pytensor.ifelse": {"ifelse": "workbench.tensor:ifelse"},
    f"{PM}.pytensor.printing": {"debugprint": f"{_GRAPHS}:dprint", "dprint": f"{_GRAPHS}:dprint", "pp": f"{_GRAPHS}:pp", "pprint": f"{_GRAPHS}:pp", "Print": f"{_GRAPHS}:Print"},
    PT: {
        "TensorVariable": "workbench.tensor.tensor:Tensor", "TensorConstant": "workbench.tensor.tensor:Tensor", "TensorType": "workbench.graph.types:TensorType",
        **{n: f"{PT}.shape.packing:{n}" for n in ("pack", "unpack", "join_dims", "split_dims")},
        "interpolate1d": f"{PT}.indexing.interpolation:interpolate1d",
        **{n: f"{PT}.aliases:{n}" for n in ("ceil_intdiv", "round_half_away_from_zero", "nonzero_values", "compress", "is_flat", "atleast_Nd", "chi2sf")},
    },
    f"{PT}.linalg": {name: f"workbench.tensor.aliases:{name}" for name in ("matrix_dot", "tensorinv", "tensorsolve")} | {"kron": "workbench.tensor:kron"},
    f"{DIST}": {"CustomDist": "workbench.distributions.custom:CustomDist", "DensityDist": "workbench.distributions.custom:DensityDist",
                "Simulator": "workbench.distributions.simulator:Simulator",
                "Lognormal": "workbench.distributions:LogNormal",
                "R2D2M2CP": "workbench.model.r2d2m2cp:R2D2M2CP", "WishartBartlett": "workbench.model.wishart_bartlett:WishartBartlett"},
    f"{DIST}.multivariate": {"WishartBartlett": "workbench.model.wishart_bartlett:WishartBartlett"},
    f"{DIST}.transforms": {
        "ChainedTransform": "workbench.transforms:Chain", "LogTransform": "workbench.transforms.change_of_variables:Log",
        "IntervalTransform": "workbench.transforms:Interval",
    },
    f"{DIST}.shape_utils": {"rv_size_is_none": "workbench.distributions.dist_math:rv_size_is_none"},
    f"{PM}.pytensorf": {
        "floatX": "workbench.tensor.aliases:as_floats", "intX": "workbench.tensor.aliases:as_integers",
        "compile": "workbench.compile:function", "collect_default_updates": "workbench.distributions.dist_math:collect_default_updates",
    },
    f"{PM}.exceptions": {"ImputationWarning": "workbench.model:ImputationWarning"},
    f"{PM}.stats": {name: f"workbench.inference:{name}" for name in ("compute_log_likelihood", "compute_log_prior")},
    f"{PM}.func_utils": {"find_constrained_prior": "workbench.inference:find_constrained_prior"},
}  # fmt: skip
"""Single names of modules, as "module:name"."""

CALLED = {f"{PT}.shape": "workbench.tensor.aliases:shape_of", f"{PM}.compile": "workbench.compile:function"}
"""Modules of ours whose name is that of a function of theirs, and the function."""

METHODS = frozenset(
    ["arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "choose", "cos", "cosh", "deg2rad", "exp", "exp2", "expm1", "fill", "floor", "log", "log10", "log1p", "log2", "ones_like", "ptp", "rad2deg", "sin", "sinh", "sqrt", "tan", "tanh", "trunc", "zeros_like"]
)
"""Functions of tensors that PyTensor has as methods too."""

_NOT_YET = "is not there yet"
_VARIATIONAL = "is of the inside of PyMC: pm.fit(method=...) fits approximations, pm.ADVI, FullRankADVI, SVGD and others are its methods"
_STEP = f"this step method or part of one {_NOT_YET}: pm.sample() assigns a method to each variable, step= takes pm.NUTS, pm.Metropolis, pm.Slice and others"
_INTERNAL = "is of the inside of PyMC: a log-density is pm.logp(x, value), a model's model.logp(), a compiled one model.compile_logp()"
_TYPES = "the type of an expression is x.dtype, x.type.shape and x.ndim"
_COMPLEX = "there are no complex numbers yet: pt.fft.rfft returns real and imaginary parts"
_BASES = "a distribution of your own is pm.CustomDist, by logp= or by dist="

INSTEAD: list[tuple[str, str, str]] = [
    (PM, "Group Stein ImplicitGradient opvi approximations updates", _VARIATIONAL),
    (PM, "apply_momentum apply_nesterov_momentum", "pm.momentum(learning_rate, momentum) and pm.nesterov_momentum are whole optimizers"),
    (PM, "BlockedStep STEP_METHODS step_methods init_nuts guess_scaling find_hessian trace_cov tuning", _STEP),
    (f"{PM}.ode", "utils augment_system make_sens_ic", "is of the inside of PyMC: equations(y0, theta, return_sens=True) gives the sensitivities"),
    (PM, "Point", "a point is a dict of values by name: model.initial_point()"),
    (f"{PM}.model", "Point", "a point is a dict of values by name: model.initial_point()"),
    (f"{PM}.model", "compile_fn", "model.compile_fn(expression)"),
    (f"{DIST}.dist_math", "check_icdf_parameters check_icdf_value clipped_beta_rvs random_choice floatX log_normal rho2sd sd2rho to_tuple",
     "is of the inside of PyMC"),
    (PM, "Continuous Discrete SymbolicRandomVariable distribution", _BASES),
    (PM, "gradient", "pm.grad(expression, variables), or model.dlogp()"),
    (PM, "hessian_diag", "pt.diag(pm.hessian(expression, x)), or model.d2logp()"),
    (PM, "inputvars cont_inputs typefilter", "the inputs of a model's log-density are model.value_vars, model.continuous_value_vars"),
    (PM, "compile_fn", "model.compile_fn(expression)"),
    (PM, "CallableTensor", "pm.replace([expression], {x: y})"),
    (PM, "join_nonshared_inputs make_shared_replacements compile_forward_sampling_function DictToArrayBijection", _INTERNAL),
    (PM, "convert_data convert_observed_data isgenerator drop_warning_stat bool_types complex_types continuous_types discrete_types float_types"
         " int_types handler str_for_dist str_for_potential_or_deterministic", "is of the inside of PyMC"),
    (PM, "str_for_model", "model.str_repr()"),
    (PM, "get_data", "PyMC's data sets are not a part of this: read a file with pandas"),
    (PM, "to_inference_data predictions_to_inference_data", "pm.sample, pm.sample_posterior_predictive and the others return arviz.InferenceData"),
    (PM, "vectorize_over_posterior", "pm.compute_deterministics(idata), or pm.sample_posterior_predictive(idata, var_names=[...])"),
    (PM, "model_graph", "pm.model_to_graphviz(model), pm.model_to_mermaid(model), or model.str_repr()"),
    (PM, "IncorrectArgumentsError ShapeWarning TraceDirectoryError", "the errors of this package are in workbench.errors"),
    (PM, "backends", 'pm.sample(trace="run.zarr"), or a pm.ZarrStore("run.zarr"), writes draws to disk'),
    (PM, "util testing blocking vartypes printing initial_point data_structures parallel population mcmc deterministic forward metropolis"
         " hmc slicer compound arraystep", "is of the inside of PyMC"),
    (DIST, "Continuous Discrete SymbolicRandomVariable", _BASES),
    (f"{DIST}.transforms", "univariate_ordered multivariate_ordered", "is called ordered today"),
    (f"{DIST}.transforms", "CircularTransform LogOddsTransform SimplexTransform SumTo1", "the transforms are circular, logodds, simplex, sum_to_1"),
    (f"{DIST}.shape_utils", "change_dist_size to_tuple", "is of the inside of PyMC: x.shape, and size= of dist()"),
    (f"{PM}.sampling", "vectorize_over_posterior", "pm.compute_deterministics(idata), or pm.sample_posterior_predictive(idata, var_names=[...])"),
    (f"{PM}.sampling", "init_nuts", _STEP),
    (f"{PM}.sampling", "compile_forward_sampling_function", "pm.draw(variables, draws=...)"),
    (f"{PM}.pytensorf", "gradient inputvars cont_inputs CallableTensor join_nonshared_inputs make_shared_replacements hessian_diag convert_data"
                        " convert_observed_data", _INTERNAL),
    (f"{PM}.logprob", "conditional_logp transformed_conditional_logp", "model.logp(sum=False) has a term for each variable"),
    (f"{PM}.data", "get_data", "PyMC's data sets are not a part of this: read a file with pandas"),
    (f"{PM}.exceptions", "IncorrectArgumentsError ShapeWarning TraceDirectoryError", "the errors of this package are in workbench.errors"),
    (f"{PM}.math", "logbern", "pm.logp(pm.Bernoulli.dist(logit_p=...), x)"),
    # PyMC 3, and what belongs to PyTensor itself.
    (PM, "Bound", "pm.Truncated(name, pm.Normal.dist(...), lower=...), or a distribution with those bounds"),
    (PM, "sample_ppc fast_sample_posterior_predictive sample_ppc_w sample_posterior_predictive_w", "pm.sample_posterior_predictive"),
    (PM, "traceplot", "pm.plot_trace(idata)"),
    (PM, "forestplot", "pm.plot_forest(idata)"),
    (PM, "autocorrplot energyplot densityplot compareplot kdeplot", "pm.plot_autocorr, plot_energy, plot_density, plot_compare, plot_kde"),
    (PM, "hpd", "pm.hdi(idata)"),
    (PM, "df_summary", "pm.summary(idata)"),
    (PM, "effective_n", "pm.ess(idata)"),
    (PM, "gelman_rubin", "pm.rhat(idata)"),
    (PM, "trace_to_dataframe", "idata.to_dataframe()"),
    (PM, "save_trace load_trace", 'idata.to_netcdf("file.nc"), arviz.from_netcdf("file.nc")'),
    (PM, "Constant ConstantDist", "pm.DiracDelta"),
    (PM, "ZeroInflatedNegBinomial", "pm.ZeroInflatedNegativeBinomial"),
    (PM, "AR1", "pm.AR(name, rho=[rho], sigma=sigma, init_dist=...)"),
    (PM, "theanof aesaraf", "pm.pytensorf is its name today"),
    (PM, "shared", "pm.Data(name, value) in a model, or pt.data(name, value)"),
    (PM, "dprint", "workbench.pytensor.dprint(expression)"),
    (PT, "Op Constant Variable NoneConst NoneSliceConst", "an operation of your own is a class of workbench.pytensor.graph.Op, a Python function by pytensor.wrap_py, one of JAX by pytensor.wrap_jax"),
    (PT, "TensorLike default none_type_t slicetype make_slice get_scalar_constant_value get_underlying_scalar_constant_value"
         " scalar_from_tensor tensor_from_scalar transfer values_eq_approx_always_true specify_broadcastable NoReturn", _TYPES),
    (PT, "bool_types complex_types complex_matrix_types complex_scalar_types complex_vector_types float_types float_matrix_types float_scalar_types"
         " float_vector_types int_types int_matrix_types int_scalar_types int_vector_types", _TYPES),
    (PT, "angle complex complex_from_polar conj conjugate imag real ccol cmatrix crow cscalar ctensor3 ctensor4 ctensor5 ctensor6 ctensor7 cvector zcol"
         " zmatrix zrow zscalar ztensor3 ztensor4 ztensor5 ztensor6 ztensor7 zvector", _COMPLEX),
    (PT, "RandomStream", "a random variable is pm.Normal.dist(...), drawn by pm.draw"),
    (f"{PT}.random", "RandomStream default_rng choice multinomial multivariate_normal lognormal chisquare t vonmises weibull pareto triangular"
                     " truncexpon nbinom invgamma integers halfnormal halfcauchy gengamma betabinom standard_normal",
     "a random variable is a distribution's .dist(...): pm.LogNormal.dist(0.0, 1.0); functions of pt.random take a key, pt.random.key(1)"),
    (PT, "batched_tensordot", "pt.einsum"),
    (PT, "broadcast_shape", "np.broadcast_shapes of x.type.shape, where lengths are known"),
    (PT, "bartlett", "np.bartlett(M)"),
    (PT, "concat_with_broadcast", "pt.concatenate of pt.broadcast_to"),
    (PT, "fill_diagonal_offset", "pt.set_subtensor(x[i, i + offset], value)"),
    (PT, "permute_row_elements", "pt.take_along_axis(x, indices, axis=-1)"),
    (PT, "slice_at_axis", "x[(slice(None),) * axis + (s,)]"),
    (PT, "blas blockwise elemwise functional interpolate optimize rewriting sharedvar type_other utils xlogx exceptions fourier conv",
     "is of the inside of PyTensor: its functions are in workbench.tensor"),
    (f"{PT}.linalg", "ordqz", "sorts by eigenvalues, which are complex numbers: pt.linalg.qz(a, b) is the real form, not sorted"),
    (f"{PT}.signal", "convolve1d convolve2d conv", _NOT_YET),
]  # fmt: skip
"""Modules, names that they do not have, and what to say; a text that begins with "is" goes on after the name."""

_KINDS = ("scalar", "vector", "matrix", "row", "col", *(f"tensor{n}" for n in range(3, 8)))
_INPUTS = [f"{letter}{kind}" for letter in ("", *"bwilfd") for kind in _KINDS]
ALIASES[PT] |= {n: f"workbench.tensor.constructors:{n}" for n in ("rows", "cols", "tensor6", "tensor7")}
ALIASES[PT] |= {name: f"workbench.tensor.constructors:{name}" for n in _INPUTS if n[-1].isdigit() or n not in _KINDS for name in (n, f"{n.removesuffix('ix')}ices" if n.endswith("matrix") else f"{n}s")}
for _letter in "cz":
    INSTEAD.append((PT, " ".join(f"{_letter}{kind}{s}" for kind in _KINDS for s in ("", "s")) + f" {_letter}matrices", _COMPLEX))

ARGUMENTS = {
    "sd": "sigma",
    "testval": "initval",
    "lower_bound": "lower",
    "upper_bound": "upper",
    "init": "init_dist",
}
"""Arguments of distributions under their names of PyMC 3, and those of today."""

DENSITIES = frozenset(["logp", "logcdf", "logccdf", "icdf"])
"""Functions of random expressions and values that are methods too, as in PyMC 3: ``Normal.dist(0, 1).logp(x)``."""

ATTRIBUTES = {
    "random": "pm.draw({x}, draws=...)",
    "distribution": "{x}.op.distribution",
    "owner": "{x}.op and {x}.inputs",
    "tag": "model.initial_point(), or {x}.eval({{...}})",
    "get_test_value": "model.initial_point(), or {x}.eval({{...}})",
    "broadcastable": "{x}.type.shape",
    "clone": "{x}: expressions never change",
    "auto_name": "{x}.name",
    "index": "{x}.inputs",
    "get_underlying_scalar_constant": "{x}.eval()",
    "transfer": "{x}: there is one kind of place",
    "nonzero_values": "{x}[{x}.nonzero()]",
    "compress": "{x}[condition]",
    "real": "{x}: numbers are real",
    "imag": "pt.zeros_like({x}): numbers are real",
    "conj": "{x}: numbers are real",
    "conjugate": "{x}: numbers are real",
    "dprint": "workbench.pytensor.dprint({x})",
    "get_parents": "{x}.inputs",
    "transform": "model.rvs_to_transforms[{x}]",
    "observations": "model.rvs_to_values[{x}]",
}
"""Attributes of variables in PyMC and PyTensor, and what is written instead."""


def answers(module: str, later: Mapping[str, str] = MappingProxyType({})) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module: what the tables know of the names that it does not have.

    Parameters
    ----------
    module
        Its name.
    later
        Modules by names that they have, separated by spaces: they are loaded when one of these is first asked for.
    """
    places = {name: place for place, offered in later.items() for name in offered.split()}

    def look_up(name: str) -> Any:
        place = places.get(name)
        if place is None:
            return find(module, name)
        whole = importlib.import_module(place)
        found = whole if place == f"{module}.{name}" else getattr(whole, name)
        setattr(sys.modules[module], name, found)
        return found

    return look_up


def listing(module: str, more: Iterable[str] = ()) -> Callable[[], list[str]]:
    """Return the ``__dir__`` of a module: what completion offers of it, names that are loaded when they are used among them, and `more`."""
    return lambda: sorted({*vars(sys.modules[module]), *vars(sys.modules[module])["__all__"], *more})


def find(module: str, name: str) -> Any:
    """Return what a module of theirs has under a name.

    Raises
    ------
    AttributeError
        If it is not there; says what there is instead, or which names are close to it.
    """
    if getattr(sys.modules[module].__spec__, "_initializing", False):
        # Python asks a package that is being imported, before it imports the module of that name.
        raise AttributeError(f"module '{module}' has no attribute '{name}'")
    if not name.startswith("_"):
        alias = ALIASES.get(module, {}).get(name)
        if alias is not None:
            where, _, what = alias.partition(":")
            return getattr(importlib.import_module(where), what)
        if f"{module}.{name}" in NAMESPACES:
            return sys.modules[f"{module}.{name}"]
        for place in (*NAMESPACES.get(module, ()), *ALSO.get(module, ())):
            if name in public_names(place):
                return getattr(importlib.import_module(place), name)
    raise AttributeError(f"module '{module}' has no attribute '{name}'{_advice(module, name)}")


def _advice(module: str, name: str) -> str:
    if name.startswith("_"):
        return ""
    if any(os.path.exists(os.path.join(folder, f"{name}.py")) for folder in getattr(sys.modules[module], "__path__", ())):
        # Python asks a package for a name before it imports the module of that name.
        return ""
    for place in (module, *NAMESPACES.get(module, ()), *ALSO.get(module, ())):
        for where, names, text in INSTEAD:
            if where == place and name in names.split():
                return f": it {text}" if text.startswith("is ") else f": {text}"
    if module == f"{PM}.math" and name in public_names(PT):
        return f": pt.{name} is it, with import workbench.tensor as pt"
    import difflib

    close = difflib.get_close_matches(name, sorted(public_names(module)), n=3)
    return f"; did you mean {', '.join(close)}?" if close else ""


def public_names(module: str) -> set[str]:
    """Return the names that a module offers, those of the tables with them."""
    own = importlib.import_module(module)
    offered = set(vars(own).get("__all__") or (n for n, x in vars(own).items() if not n.startswith("_") and not isinstance(x, ModuleType)))
    offered |= set(ALIASES.get(module, ()))
    for place in NAMESPACES.get(module, ()):
        offered |= public_names(place)
    return offered


def method(x: Any, name: str) -> Any:
    """Return a function of tensors as a method of one.

    Raises
    ------
    AttributeError
        If it is none; says what is written instead.
    """
    if name == "norm":
        return functools.partial(importlib.import_module(f"{PT}.aliases").norm_of_elements, x)
    if name in METHODS:
        return functools.partial(getattr(importlib.import_module(PT), name), x)
    if name in DENSITIES:
        return functools.partial(getattr(importlib.import_module(f"{PM}.transforms.logprob"), name), x)
    if name in ATTRIBUTES:
        raise AttributeError(f"{x!r} has no {name!r}: write {ATTRIBUTES[name].format(x=x.name or 'x')}")
    return None


class Namespace(ModuleType):
    """A module of theirs: its names are looked up in the tables."""

    __path__: list[str] = []  # What is below it is in the tables too.

    def __getattr__(self, name: str) -> Any:
        return find(self.__name__, name)

    def __dir__(self) -> list[str]:
        return sorted(public_names(self.__name__))


class Called(ModuleType):
    """A module that is a function too."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        where, _, what = CALLED[self.__name__].partition(":")
        return getattr(importlib.import_module(where), what)(*args, **options)


def make_callable(module: str) -> None:
    """Let a module be called, as its namesake."""
    sys.modules[module].__class__ = Called


for _name, _places in NAMESPACES.items():
    # So that `from workbench.tensor.extra_ops import cumsum` finds it.
    sys.modules[_name] = Namespace(_name, f"PyMC's or PyTensor's {_name.partition('.')[2]}: the names of {', '.join(_places) or 'tables'}.")
