// SPDX-License-Identifier: GPL-3.0-or-later
#include "naive_pairs.h"

#include <math.h>
#include <string.h>

static uint64_t rotate(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

// xoshiro256++, as in the program; (0, 1)
static double uniform(struct naive_pairs *naive)
{
    uint64_t *s = naive->random;
    const uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return ((double)(result >> 12) + 0.5) * 0x1p-52;
}

static void normals(struct naive_pairs *naive, size_t n, double *out)
{
    for (size_t k = 0; k < n; k += 2) {
        const double radius = sqrt(-2 * log(uniform(naive))), angle = 6.283185307179586 * uniform(naive);
        out[k] = radius * cos(angle);
        if (k + 1 < n)
            out[k + 1] = radius * sin(angle);
    }
}

// --- orbitals: p_n(y) = He_n(y) / n!, p_n' = p_(n-1), y = sqrt(2 alpha) x, shell by shell ---

static void polynomials(const struct naive_pairs *naive, const double *x, double out[2][5])
{
    for (size_t d = 0; d < 2; d++) {
        const double y = sqrt(2 * naive->alpha) * x[d];
        out[d][0] = 1;
        out[d][1] = y;
        for (size_t n = 1; n < 4; n++)
            out[d][n + 1] = (y * out[d][n] - out[d][n - 1]) / (double)(n + 1);
    }
}

// Values, and where asked first and second derivatives, of all orbitals at a place.
static void orbitals(const struct naive_pairs *naive, const double *x, double *value, double (*slope)[2],
                     double (*bend)[2])
{
    const double scale = sqrt(2 * naive->alpha);
    double p[2][5];
    polynomials(naive, x, p);
    for (size_t k = 0, shell = 0, j = 0; k < naive->orbitals; k++) {
        const size_t i = shell - j;
        value[k] = p[0][i] * p[1][j];
        if (slope) {
            slope[k][0] = i > 0 ? scale * p[0][i - 1] * p[1][j] : 0;
            slope[k][1] = j > 0 ? scale * p[0][i] * p[1][j - 1] : 0;
            bend[k][0] = i > 1 ? scale * scale * p[0][i - 2] * p[1][j] : 0;
            bend[k][1] = j > 1 ? scale * scale * p[0][i] * p[1][j - 2] : 0;
        }
        if (j++ == shell) {
            shell++;
            j = 0;
        }
    }
}

// Gauss and Jordan with pivots: inverse as [p][k], ln|det| returned
static double invert(struct naive_pairs *naive, const double *x, size_t spin)
{
    const size_t n = naive->orbitals;
    // aligned, or gcc 13.2 with AVX-512 takes the stack to be aligned to 32 bytes when it is to 16
    _Alignas(64) double a[NAIVE_ORBITALS_MOST][2 * NAIVE_ORBITALS_MOST] = { { 0 } };
    double sum = 0;
    for (size_t p = 0; p < n; p++) {
        orbitals(naive, x + (spin * n + p) * 2, a[p], NULL, NULL);
        a[p][n + p] = 1;
    }
    for (size_t k = 0; k < n; k++) {
        size_t pivot = k;
        for (size_t p = k; p < n; p++)
            pivot = fabs(a[p][k]) > fabs(a[pivot][k]) ? p : pivot;
        double row[2 * NAIVE_ORBITALS_MOST];
        memcpy(row, a[pivot], sizeof row);
        memcpy(a[pivot], a[k], sizeof row);
        sum += log(fabs(row[k]));
        for (size_t j = 0; j < 2 * n; j++)
            a[k][j] = row[j] / row[k];
        for (size_t p = 0; p < n; p++) {
            const double factor = a[p][k];
            for (size_t j = 0; j < 2 * n && p != k; j++)
                a[p][j] -= factor * a[k][j];
        }
    }
    for (size_t p = 0; p < n; p++)
        for (size_t k = 0; k < n; k++)
            naive->inverse[spin][p][k] = a[k][n + p];
    return sum;
}

// --- pairs ---

static double cusp(const struct naive_pairs *naive, size_t p, size_t q, size_t *class)
{
    *class = naive->orbitals > 0 && (p < naive->orbitals) == (q < naive->orbitals);
    return 1 / ((double)naive->dimensions + (*class ? 1 : -1));
}

static double distance(const struct naive_pairs *naive, const double *a, const double *b)
{
    double r2 = 0;
    for (size_t d = 0; d < naive->dimensions; d++)
        r2 += (a[d] - b[d]) * (a[d] - b[d]);
    return sqrt(r2);
}

static double log_pair(const struct naive_pairs *naive, size_t p, size_t q, double r)
{
    size_t class;
    if (naive->core > 0)
        return r > naive->core ? log(1 - naive->core / r) : -INFINITY;
    return cusp(naive, p, q, &class) * r / (1 + naive->beta * r);
}

static double log_row(const struct naive_pairs *naive, size_t p, const double *place)
{
    double sum = 0;
    for (size_t q = 0; q < naive->particles; q++)
        if (q != p)
            sum += log_pair(naive, p, q, distance(naive, place, naive->x + q * naive->dimensions));
    return sum;
}

// --- everything at a place: gradient; returns ln|psi|, and the local energy and O where asked ---

static double evaluate(struct naive_pairs *naive, const double *x, bool anew, double *gradient, double *energy,
                       double *o)
{
    const size_t n = naive->dimensions, m = naive->particles * n;
    double log_psi = 0, laplacian = -naive->alpha * (double)m, potential = 0, spread = 0, pull = 0;
    double slope[NAIVE_ORBITALS_MOST][2], bend[NAIVE_ORBITALS_MOST][2], value[NAIVE_ORBITALS_MOST], range[2] = { 0, 0 };
    for (size_t i = 0; i < m; i++) {
        gradient[i] = -naive->alpha * x[i];
        spread += x[i] * x[i];
    }
    for (size_t spin = 0; spin < 2 && naive->orbitals > 0; spin++) {
        if (anew)
            log_psi += invert(naive, x, spin);
        for (size_t p = 0; p < naive->orbitals; p++) {
            const double *place = x + (spin * naive->orbitals + p) * n;
            orbitals(naive, place, value, slope, bend);
            for (size_t d = 0; d < n; d++) {
                double first = 0, second = 0;
                for (size_t k = 0; k < naive->orbitals; k++) {
                    first += slope[k][d] * naive->inverse[spin][p][k];
                    second += bend[k][d] * naive->inverse[spin][p][k];
                }
                gradient[(spin * naive->orbitals + p) * n + d] += first;
                laplacian += second - first * first;
                pull += place[d] * first;
            }
        }
    }
    for (size_t p = 1; p < naive->particles; p++)
        for (size_t q = 0; q < p; q++) {
            const double r = distance(naive, x + p * n, x + q * n);
            size_t class;
            double first, second;
            if (naive->core > 0) {
                first = naive->core / (r * (r - naive->core));
                second = -naive->core * (2 * r - naive->core) / (r * r * (r - naive->core) * (r - naive->core));
            } else {
                const double a = cusp(naive, p, q, &class), t = 1 / (1 + naive->beta * r);
                first = a * t * t;
                second = -2 * a * naive->beta * t * t * t;
                range[class] -= a * naive->beta * r * r * t * t;
                potential += 1 / r;
            }
            log_psi += log_pair(naive, p, q, r);
            laplacian += 2 * (second + ((double)n - 1) * first / r);
            for (size_t d = 0; d < n; d++) {
                const double push = first / r * (x[p * n + d] - x[q * n + d]);
                gradient[p * n + d] += push;
                gradient[q * n + d] -= push;
            }
        }
    double square = 0;
    for (size_t i = 0; i < m; i++)
        square += gradient[i] * gradient[i];
    if (energy) {
        *energy = -0.5 * (square + laplacian) + 0.5 * spread + potential;
        o[0] = (naive->orbitals > 0 ? pull / (2 * naive->alpha) : 0) - 0.5 * spread;
        o[1] = range[0];
        o[2] = range[1];
    }
    return log_psi - 0.5 * naive->alpha * spread;
}

double naive_pairs_accumulate(struct naive_pairs *naive, bool anew)
{
    double energy, o[NAIVE_DERIVATIVES];
    evaluate(naive, naive->x, anew, naive->gradient, &energy, o);
    naive->energy += energy;
    for (size_t k = 0; k < NAIVE_DERIVATIVES; k++) {
        naive->o[k] += o[k];
        naive->eo[k] += energy * o[k];
    }
    return energy;
}

// --- moves ---

static void update(struct naive_pairs *naive, size_t p, const double *value, double ratio)
{
    const size_t n = naive->orbitals, own = p % n;
    double(*b)[NAIVE_ORBITALS_MOST] = naive->inverse[p / n];
    for (size_t q = 0; q < n; q++) {
        double sum = 0;
        if (q == own)
            continue;
        for (size_t k = 0; k < n; k++)
            sum += value[k] * b[q][k];
        for (size_t k = 0; k < n; k++)
            b[q][k] -= sum / ratio * b[own][k];
    }
    for (size_t k = 0; k < n; k++)
        b[own][k] /= ratio;
}

// ln|psi| with nothing kept from before: both determinants, all pairs.
static double log_anew(struct naive_pairs *naive, const double *x)
{
    const size_t n = naive->dimensions;
    double sum = 0;
    for (size_t spin = 0; spin < 2 && naive->orbitals > 0; spin++)
        sum += invert(naive, x, spin);
    for (size_t p = 1; p < naive->particles; p++)
        for (size_t q = 0; q < p; q++)
            sum += log_pair(naive, p, q, distance(naive, x + p * n, x + q * n));
    for (size_t i = 0; i < naive->particles * n; i++)
        sum -= 0.5 * naive->alpha * x[i] * x[i];
    return sum;
}

static void move_one_anew(struct naive_pairs *naive, size_t p)
{
    const size_t n = naive->dimensions;
    double *place = naive->x + p * n, old[3];
    memcpy(old, place, n * sizeof *place);
    for (size_t d = 0; d < n; d++)
        place[d] += naive->step * (2 * uniform(naive) - 1);
    const double trial = log_anew(naive, naive->x);
    if (uniform(naive) < exp(2 * (trial - naive->log_psi)))
        naive->log_psi = trial;
    else
        memcpy(place, old, n * sizeof *place);
}

static void move_one(struct naive_pairs *naive, size_t p)
{
    const size_t n = naive->dimensions;
    double *old = naive->x + p * n, place[3], value[NAIVE_ORBITALS_MOST], ratio = 1, change = 0;
    for (size_t d = 0; d < n; d++) {
        place[d] = old[d] + naive->step * (2 * uniform(naive) - 1);
        change -= naive->alpha * (place[d] * place[d] - old[d] * old[d]);
    }
    if (naive->orbitals > 0) {
        orbitals(naive, place, value, NULL, NULL);
        ratio = 0;
        for (size_t k = 0; k < naive->orbitals; k++)
            ratio += value[k] * naive->inverse[p / naive->orbitals][p % naive->orbitals][k];
    }
    change += 2 * (log_row(naive, p, place) - log_row(naive, p, old));
    if (uniform(naive) >= ratio * ratio * exp(change))
        return;
    memcpy(old, place, n * sizeof *place);
    if (naive->orbitals > 0)
        update(naive, p, value, ratio);
}

static void move_all(struct naive_pairs *naive)
{
    const size_t m = naive->particles * naive->dimensions;
    const double s = sqrt(naive->step);
    static double xi[NAIVE_COORDINATES_MOST + 1], place[NAIVE_COORDINATES_MOST], gradient[NAIVE_COORDINATES_MOST];
    double green = 0;
    double kept[2][NAIVE_ORBITALS_MOST][NAIVE_ORBITALS_MOST];
    memcpy(kept, naive->inverse, sizeof kept);
    normals(naive, m, xi);
    for (size_t i = 0; i < m; i++)
        place[i] = naive->x[i] + naive->step * naive->gradient[i] + s * xi[i];
    const double trial = evaluate(naive, place, true, gradient, NULL, NULL);
    for (size_t i = 0; i < m; i++) {
        const double push = s * (naive->gradient[i] + gradient[i]);
        green -= push * (xi[i] + 0.5 * push);
    }
    if (uniform(naive) < exp(2 * (trial - naive->log_psi) + green)) {
        memcpy(naive->x, place, m * sizeof *place);
        memcpy(naive->gradient, gradient, m * sizeof *gradient);
        naive->log_psi = trial;
    } else {
        memcpy(naive->inverse, kept, sizeof kept);
    }
}

void naive_pairs_run(struct naive_pairs *naive, bool langevin, size_t n, size_t thin)
{
    for (size_t k = 1; k <= n; k++) {
        if (langevin)
            move_all(naive);
        else
            for (size_t p = 0; p < naive->particles; p++)
                (naive->anew ? move_one_anew : move_one)(naive, p);
        if (k % thin == 0)
            naive_pairs_accumulate(naive, naive->anew && !langevin);
    }
}

void naive_pairs_start(struct naive_pairs *naive, const double *x, double step)
{
    static const uint64_t seed[4] = { 1, 2, 3, 4 };
    memcpy(naive->random, seed, sizeof seed);
    memcpy(naive->x, x, naive->particles * naive->dimensions * sizeof *x);
    naive->step = step;
    naive->log_psi = evaluate(naive, naive->x, true, naive->gradient, NULL, NULL);
    naive->energy = 0;
    memset(naive->o, 0, sizeof naive->o);
    memset(naive->eo, 0, sizeof naive->eo);
}
