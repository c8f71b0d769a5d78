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

/* The same with its gradient, in reverse: z[m] says what is seen of the states, Q[m] are the variances of their noise.
 *
 * bs[T][m], Ps[T][m][m]: room for the states before each time; gF[m][m], gQ[m], gh: slopes.
 */
double kalman_logp_grad(int64_t T, int64_t m, const double *restrict F, const double *restrict Q, const double *restrict a0,
                        const double *restrict P0, const double *restrict z, const double *restrict y, double h,
                        double *restrict bs, double *restrict Ps, double *restrict gF, double *restrict gQ, double *restrict gh) {
    double a[M], W[M][M], C[M][M], total = 0.0;
    for (int64_t i = 0; i < m; i++) {
        bs[i] = a0[i];
        for (int64_t j = 0; j < m; j++) Ps[i * m + j] = P0[i * m + j];
    }
    for (int64_t t = 0; t < T; t++) {
        const double *b = bs + t * m, *P = Ps + t * m * m;
        double s[M], f = h, v = y[t];
        for (int64_t i = 0; i < m; i++) {
            double w = 0.0;
            for (int64_t j = 0; j < m; j++) w += P[i * m + j] * z[j];
            s[i] = w;
        }
        for (int64_t i = 0; i < m; i++) f += z[i] * s[i], v -= z[i] * b[i];
        total -= 0.5 * (log(6.283185307179586 * f) + v * v / f);
        if (t == T - 1) break;
        for (int64_t i = 0; i < m; i++) {
            const double gain = s[i] / f;
            a[i] = b[i] + gain * v;
            for (int64_t j = 0; j < m; j++) C[i][j] = P[i * m + j] - gain * s[j];
        }
        double *bn = bs + (t + 1) * m, *Pn = Ps + (t + 1) * m * m;
        for (int64_t i = 0; i < m; i++) {
            double w = 0.0;
            for (int64_t k = 0; k < m; k++) w += F[i * m + k] * a[k];
            bn[i] = w;
            for (int64_t j = 0; j < m; j++) {
                double u = 0.0;
                for (int64_t k = 0; k < m; k++) u += F[i * m + k] * C[k][j];
                W[i][j] = u;
            }
        }
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < m; j++) {
                double u = i == j ? Q[i] : 0.0;
                for (int64_t k = 0; k < m; k++) u += W[i][k] * F[j * m + k];
                Pn[i * m + j] = u;
            }
    }
    double gb[M] = {0}, gP[M][M] = {{0}}, ga[M], gC[M][M], gs[M];
    for (int64_t i = 0; i < m; i++) {
        gQ[i] = 0.0;
        for (int64_t j = 0; j < m; j++) gF[i * m + j] = 0.0;
    }
    *gh = 0.0;
    for (int64_t t = T - 1; t >= 0; t--) {
        const double *b = bs + t * m, *P = Ps + t * m * m;
        double s[M], f = h, v = y[t];
        for (int64_t i = 0; i < m; i++) {
            double w = 0.0;
            for (int64_t j = 0; j < m; j++) w += P[i * m + j] * z[j];
            s[i] = w;
        }
        for (int64_t i = 0; i < m; i++) f += z[i] * s[i], v -= z[i] * b[i];
        for (int64_t i = 0; i < m; i++) {
            a[i] = b[i] + s[i] / f * v;
            for (int64_t j = 0; j < m; j++) C[i][j] = P[i * m + j] - s[i] / f * s[j];
        }
        if (t < T - 1) {
            for (int64_t i = 0; i < m; i++) gQ[i] += gP[i][i];
            for (int64_t i = 0; i < m; i++)
                for (int64_t j = 0; j < m; j++) {
                    double u = 0.0;
                    for (int64_t k = 0; k < m; k++) u += gP[i][k] * F[k * m + j];
                    W[i][j] = u;
                }
            for (int64_t i = 0; i < m; i++) {
                double w = 0.0;
                for (int64_t k = 0; k < m; k++) w += F[k * m + i] * gb[k];
                ga[i] = w;
                for (int64_t j = 0; j < m; j++) {
                    double u = 0.0, g = gb[i] * a[j];
                    for (int64_t k = 0; k < m; k++) u += F[k * m + i] * W[k][j], g += 2.0 * W[i][k] * C[k][j];
                    gC[i][j] = u;
                    gF[i * m + j] += g;
                }
            }
        } else
            for (int64_t i = 0; i < m; i++) {
                ga[i] = 0.0;
                for (int64_t j = 0; j < m; j++) gC[i][j] = 0.0;
            }
        double of_a = 0.0, of_C = 0.0;
        for (int64_t i = 0; i < m; i++) {
            double w = 0.0;
            for (int64_t j = 0; j < m; j++) w += gC[i][j] * s[j];
            gs[i] = -2.0 * w / f + ga[i] * v / f;
            of_a += ga[i] * s[i], of_C += s[i] * w;
        }
        const double gf = of_C / (f * f) - of_a * v / (f * f) - 0.5 / f + 0.5 * v * v / (f * f), gv = of_a / f - v / f;
        *gh += gf;
        for (int64_t i = 0; i < m; i++) gs[i] += z[i] * gf, gb[i] = ga[i] - z[i] * gv;
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < m; j++) gP[i][j] = gC[i][j] + 0.5 * (gs[i] * z[j] + z[i] * gs[j]);
    }
    return total;
}
