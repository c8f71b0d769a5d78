/* Logistic regression's log-density and gradient, written by hand in C: one pass over the rows.
 *
 * log p = sum(y eta - softplus(eta)) - b'b / 2 with eta = x b; x is n by k, row-major.
 */
#include <math.h>
#include <stdint.h>

double logistic_logp_grad(int64_t n, int64_t k, const double *restrict x, const double *restrict y,
                          const double *restrict b, double *restrict g) {
    double value = 0.0;
    for (int64_t j = 0; j < k; j++) {
        value -= 0.5 * b[j] * b[j];
        g[j] = -b[j];
    }
    for (int64_t i = 0; i < n; i++) {
        const double *row = x + i * k;
        double eta = 0.0;
        #pragma omp simd reduction(+:eta)
        for (int64_t j = 0; j < k; j++) eta += row[j] * b[j];
        const double e = exp(-fabs(eta));
        value += y[i] * eta - (eta > 0 ? eta : 0.0) - log1p(e);
        const double r = y[i] - (eta > 0 ? 1.0 / (1.0 + e) : e / (1.0 + e));
        #pragma omp simd
        for (int64_t j = 0; j < k; j++) g[j] += r * row[j];
    }
    return value;
}
