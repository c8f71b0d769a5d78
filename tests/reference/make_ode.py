"""Make tests/reference/ode.json: states and sensitivities by PyMC, and the posterior of hares and lynxes by diffrax and BlackJAX.

    pip install -r benchmarks/peers-requirements.txt
    python tests/reference/make_ode.py

PyMC solves with SciPy's odeint, at tolerances of 1.49e-8: here at 1e-12, so that its numbers are known to more digits than are compared. The
posterior is by NUTS of BlackJAX (4 chains of 1,500 draws) on a density in JAX whose equations diffrax solves by Tsit5 at 1e-7. Its model is that of B. Carpenter,
"Predator-Prey Population Dynamics: the Lotka-Volterra model in Stan" (2018).
"""

import functools
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from ode_cases import EQUATIONS, START, YEARS, pelts  # noqa: E402


def solutions():
    import pymc as pm
    import pytensor.tensor as pt
    import scipy.integrate

    scipy.integrate.odeint = functools.partial(scipy.integrate.odeint, rtol=1e-12, atol=1e-12, mxstep=20_000)
    found = {}
    for name, (f, times, y0, theta, t0) in EQUATIONS.items():
        equations = pm.ode.DifferentialEquation(functools.partial(f, pt), times, n_states=len(y0), n_theta=len(theta), t0=t0)
        states, sensitivities = equations._simulate(np.array(y0), np.array(theta))
        found[name] = {"states": states.tolist(), "sensitivities": sensitivities.tolist()}
    return found, f"PyMC {pm.__version__}"


def posterior():
    import blackjax
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    observed = jnp.log(pelts())

    def field(t, z, p):
        return jnp.stack([(p[0] - p[2] * z[1]) * z[0], (p[3] * z[0] - p[1]) * z[1]])

    def logp(q):
        p, z0, sigma = jnp.exp(q[:4]), jnp.exp(q[4:6]), jnp.exp(q[6:])
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(field), diffrax.Tsit5(), 0.0, 20.0, 0.01, z0, p, saveat=diffrax.SaveAt(ts=jnp.array(YEARS)),
            stepsize_controller=diffrax.PIDController(rtol=1e-7, atol=1e-7), throw=False,
        )  # fmt: skip
        misfit = (observed - jnp.log(found.ys)) / sigma
        value = -0.5 * (misfit**2).sum() - 21 * jnp.log(sigma).sum()
        value += -0.5 * (((p[:2] - 1.0) / 0.5) ** 2).sum() - 0.5 * (((p[2:] - 0.05) / 0.05) ** 2).sum() + q[:4].sum()
        value += -0.5 * ((q[4:6] - jnp.log(10.0)) ** 2).sum() - 0.5 * ((q[6:] + 1.0) ** 2).sum()
        return jnp.where(jnp.isfinite(value), value, -jnp.inf)

    start = jnp.log(jnp.array(START))

    def chain(key):
        warm, run = jax.random.split(key)
        (state, parameters), _ = blackjax.window_adaptation(blackjax.nuts, logp, target_acceptance_rate=0.8).run(warm, start, 500)
        step = blackjax.nuts(logp, **parameters).step
        _, states = jax.lax.scan(lambda s, k: (lambda new: (new[0], new[0].position))(step(k, s)), state, jax.random.split(run, 1500))
        return jnp.exp(states)

    run, draws = jax.jit(chain), []
    for key in jax.random.split(jax.random.PRNGKey(1), 4):
        draws.append(np.asarray(run(key)))
        print(f"chain {len(draws)}", draws[-1].mean(0), flush=True)
    draws = np.stack(draws)
    means, sds = draws.mean((0, 1)), draws.std((0, 1))
    between = draws.mean(1).std(0, ddof=1) / 2
    return {"mean": means.tolist(), "sd": sds.tolist(), "error": between.tolist()}, f"diffrax {diffrax.__version__}, BlackJAX {blackjax.__version__}"


def main():
    where = HERE / "ode.json"
    kept = json.loads(where.read_text()) if where.exists() else {}
    if "posterior" not in sys.argv[1:]:
        kept["solutions"], kept["solutions_by"] = solutions()
    if "solutions" not in sys.argv[1:]:
        kept["posterior"], kept["posterior_by"] = posterior()
    where.write_text(json.dumps(kept) + "\n")


if __name__ == "__main__":
    main()
