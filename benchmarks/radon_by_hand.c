/* The radon model's log-density and gradient, written by hand in C.
 *
 * The formula is that of tutorials/01_radon.ipynb, as PyMC's model.logp(): normalising constants and
 * log-Jacobians included. The parameters, unconstrained, in order:
 *   mu_a, log sigma_a, a_raw[J], mu_b, log sigma_b, b_raw[J], log eps.
 * One pass over the rows: gather, residual, scattered sums; one over the counties for the priors.
 */
#include <math.h>
#include <stdint.h>

static const double HALF_LOG_2PI = 0.91893853320467274178;
static const double HALF_NORMAL = -0.22579135264472743236; /* log sqrt(2 / pi) */

double radon_logp_grad(int64_t n, int64_t counties, const double *restrict y, const double *restrict x,
                       const int64_t *restrict county, const double *restrict q, double *restrict g,
                       double *restrict work) {
    const double mu_a = q[0], log_sigma_a = q[1], *a_raw = q + 2;
    const double mu_b = q[2 + counties], log_sigma_b = q[3 + counties], *b_raw = q + 4 + counties;
    const double log_eps = q[4 + 2 * counties];
    const double sigma_a = exp(log_sigma_a), sigma_b = exp(log_sigma_b), eps = exp(log_eps);
    double *restrict a = work, *restrict b = work + counties;
    double *restrict ga = work + 2 * counties, *restrict gb = work + 3 * counties;

    double prior = 0.0;
    for (int64_t j = 0; j < counties; j++) {
        a[j] = mu_a + sigma_a * a_raw[j];
        b[j] = mu_b + sigma_b * b_raw[j];
        ga[j] = gb[j] = 0.0;
        prior += a_raw[j] * a_raw[j] + b_raw[j] * b_raw[j];
    }

    const double precision = 1.0 / (eps * eps);
    double squares = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t j = county[i];
        const double r = y[i] - a[j] - b[j] * x[i];
        squares += r * r;
        ga[j] += r;
        gb[j] += r * x[i];
    }

    double g_mu_a = 0.0, g_mu_b = 0.0, g_sigma_a = 0.0, g_sigma_b = 0.0;
    for (int64_t j = 0; j < counties; j++) {
        const double da = ga[j] * precision, db = gb[j] * precision;
        g_mu_a += da;
        g_mu_b += db;
        g_sigma_a += da * a_raw[j];
        g_sigma_b += db * b_raw[j];
        g[2 + j] = da * sigma_a - a_raw[j];
        g[4 + counties + j] = db * sigma_b - b_raw[j];
    }
    g[0] = g_mu_a - mu_a / 100.0;
    g[1] = (g_sigma_a - sigma_a) * sigma_a + 1.0;
    g[2 + counties] = g_mu_b - mu_b / 4.0;
    g[3 + counties] = (g_sigma_b - sigma_b) * sigma_b + 1.0;
    g[4 + 2 * counties] = squares * precision - (double)n - eps * eps / 2.25 + 1.0;

    return -0.5 * mu_a * mu_a / 100.0 - HALF_LOG_2PI - log(10.0) - 0.5 * mu_b * mu_b / 4.0 - HALF_LOG_2PI - log(2.0)
         - 0.5 * sigma_a * sigma_a + HALF_NORMAL + log_sigma_a - 0.5 * sigma_b * sigma_b + HALF_NORMAL + log_sigma_b
         - 0.5 * eps * eps / 2.25 + HALF_NORMAL - log(1.5) + log_eps
         - 0.5 * prior - 2.0 * (double)counties * HALF_LOG_2PI
         - 0.5 * squares * precision - (double)n * (HALF_LOG_2PI + log_eps);
}

/* Time inside C: `repeats` evaluations, the point moved a little each time so that none is skipped. */
double repeat(int64_t repeats, int64_t n, int64_t counties, const double *y, const double *x, const int64_t *county,
              double *q, double *g, double *work) {
    double total = 0.0;
    for (int64_t k = 0; k < repeats; k++) {
        q[0] += 1e-9;
        total += radon_logp_grad(n, counties, y, x, county, q, g, work);
    }
    return total;
}
