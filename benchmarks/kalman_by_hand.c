/* The Kalman filter of m <= 8 states of which the first is seen with noise, written by hand in C: the log-evidence.
 *
 * F[m][m]: transition; q: variance of the first state's noise; a[m], P[m][m]: mean and covariance of the first states;
 * y[T], h: what is seen, and the variance of its noise. As textbooks have it: predict, innovate, update.
 */
#include <math.h>
#include <stdint.h>

#define M 8

double kalman_logp(int64_t T, int64_t m, const double *restrict F, double q, const double *restrict a0,
                   const double *restrict P0, const double *restrict y, double h) {
    double a[M], b[M], P[M][M], W[M][M], total = 0.0;
    for (int64_t i = 0; i < m; i++) {
        a[i] = a0[i];
        for (int64_t j = 0; j < m; j++) P[i][j] = P0[i * m + j];
    }
    for (int64_t t = 0; t < T; t++) {
        for (int64_t i = 0; i < m; i++) {
            double s = 0.0;
            for (int64_t k = 0; k < m; k++) s += F[i * m + k] * a[k];
            b[i] = s;
            for (int64_t j = 0; j < m; j++) {
                double w = 0.0;
                for (int64_t k = 0; k < m; k++) w += F[i * m + k] * P[k][j];
                W[i][j] = w;
            }
        }
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < m; j++) {
                double s = 0.0;
                for (int64_t k = 0; k < m; k++) s += W[i][k] * F[j * m + k];
                P[i][j] = s;
            }
        P[0][0] += q;
        const double f = P[0][0] + h, v = y[t] - b[0];
        total -= 0.5 * (log(6.283185307179586 * f) + v * v / f);
        for (int64_t i = 0; i < m; i++) {
            const double gain = P[i][0] / f;
            a[i] = b[i] + gain * v;
            for (int64_t j = 0; j < m; j++) W[i][j] = P[i][j] - gain * P[0][j];
        }
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < m; j++) P[i][j] = W[i][j];
    }
    return total;
}
