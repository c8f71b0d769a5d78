/* The log-evidence of a hidden Markov model and its gradient, written by hand in C: scaled forward-backward.
 *
 * T times, K states; start[K] is the log-probability of the first state and the emission at that, P[K][K] the
 * transition probabilities, emissions[T - 1][K] log-densities. Slopes to all of them go to g_start, g_P, g_emissions.
 * alpha, like: (T, K); scale: (T). As textbooks have it: where P has zeros, or nearly, a state may be lost by underflow.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

double hmm_logp_grad(int64_t T, int64_t K, const double *restrict start, const double *restrict P,
                     const double *restrict emissions, double *restrict g_start, double *restrict g_P,
                     double *restrict g_emissions, double *restrict alpha, double *restrict like,
                     double *restrict scale, double *restrict beta) {
    double total = 0.0;
    for (int64_t t = 0; t < T; t++) {
        const double *restrict e = t ? emissions + (t - 1) * K : start;
        double most = e[0];
        for (int64_t j = 1; j < K; j++) most = e[j] > most ? e[j] : most;
        for (int64_t j = 0; j < K; j++) like[t * K + j] = exp(e[j] - most);
        total += most;
    }
    double sum = 0.0;
    for (int64_t j = 0; j < K; j++) sum += like[j];
    scale[0] = sum;
    for (int64_t j = 0; j < K; j++) alpha[j] = like[j] / sum;
    for (int64_t t = 1; t < T; t++) {
        double *restrict a = alpha + t * K;
        const double *restrict before = alpha + (t - 1) * K;
        for (int64_t j = 0; j < K; j++) a[j] = 0.0;
        for (int64_t i = 0; i < K; i++) {
            const double w = before[i];
#pragma omp simd
            for (int64_t j = 0; j < K; j++) a[j] += w * P[i * K + j];
        }
        sum = 0.0;
#pragma omp simd reduction(+ : sum)
        for (int64_t j = 0; j < K; j++) {
            a[j] *= like[t * K + j];
            sum += a[j];
        }
        scale[t] = sum;
        const double r = 1.0 / sum;
        for (int64_t j = 0; j < K; j++) a[j] *= r;
    }
    for (int64_t t = 0; t < T; t++) total += log(scale[t]);

    memset(g_P, 0, K * K * sizeof(double));
    double *restrict w = beta + K;
    for (int64_t j = 0; j < K; j++) beta[j] = 1.0;
    for (int64_t t = T - 1; t > 0; t--) {
        const double r = 1.0 / scale[t];
        const double *restrict before = alpha + (t - 1) * K;
#pragma omp simd
        for (int64_t j = 0; j < K; j++) {
            g_emissions[(t - 1) * K + j] = alpha[t * K + j] * beta[j];
            w[j] = like[t * K + j] * beta[j] * r;
        }
        for (int64_t i = 0; i < K; i++) {
            double q = 0.0;
            const double u = before[i];
#pragma omp simd reduction(+ : q)
            for (int64_t j = 0; j < K; j++) {
                q += P[i * K + j] * w[j];
                g_P[i * K + j] += u * w[j];
            }
            beta[i] = q;
        }
    }
    for (int64_t j = 0; j < K; j++) g_start[j] = alpha[j] * beta[j];
    return total;
}
