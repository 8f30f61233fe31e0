// SPDX-License-Identifier: GPL-3.0-or-later
// Where an RBM has maxima that lie apart. With K = 2c copies of the hidden layer |psi_rbm|^2 is a mixture of Gaussians
// with centres a_i + (1/K) sum_j w_ij n_j (docs/theory.md, eqs. 4.8 and 4.9), so a unit whose copies all change sides
// displaces x by w_j.
#include "wavefunction/rbm.h"

#include "base/memory.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

// In standard deviations of one of the Gaussians. Midway between two that are as likely |psi|^2 has fallen to a
// fiftieth.
static const double apart = 6;

size_t rbm_n_jumps(const void *state) { return ((const struct rbm *)state)->hidden; }

bool rbm_jump(const void *state, size_t j, double *displacement)
{
    const struct rbm *rbm = state;
    double square = 0;
    for (size_t i = 0; i < rbm->n_coordinates; i++) {
        displacement[i] = rbm->w[i * rbm->hidden + j];
        square += pow(displacement[i] / rbm->spread[i % rbm->dimensions], 2);
    }
    return square > apart * apart;
}

// ---- maxima that many units make together: far out, where all those of one side are on. Walkers may never have come
// there, and training, which does not see them, may have let them grow.

enum { SEEK_STARTS = 64, SEEK_STEPS_MOST = 400, SEEK_STEPS_LEAST = 20, MAXIMA_MOST = 32 };
static const double seek_operations = 1e8;  // at most, for all starts
static const double same = 1;               // maxima that are closer, in standard deviations, are one
static const double settled = 1e-6;
static const double high_enough = -30;  // ln of |psi|^2 over that of the highest

struct maxima {
    size_t n;
    double *x;  // [MAXIMA_MOST][M]
    double height[MAXIMA_MOST];
    bool reached[MAXIMA_MOST];
};

static double distance(const struct rbm *rbm, const double *x, const double *y)
{
    double square = 0;
    for (size_t i = 0; i < rbm->n_coordinates; i++)
        square += pow((x[i] - y[i]) / rbm->spread[i % rbm->dimensions], 2);
    return sqrt(square);
}

// x = a + sum_j w_j s_j, how far that moved it, and ln |psi|^2 at the x before
static double climb(const struct rbm *rbm, double *x, double *next, double *moved)
{
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    double sum = 0;
    for (size_t i = 0; i < m; i++) {
        sum -= 0.5 * rbm->inverse_variance[i] * (x[i] - rbm->a[i]) * (x[i] - rbm->a[i]);
        next[i] = rbm->a[i];
    }
    for (size_t j = 0; j < n; j++) {
        double theta = rbm->b[j];
        for (size_t i = 0; i < m; i++)
            theta += rbm->v[j * m + i] * x[i];
        sum += fmax(theta, 0) + log1p(exp(-fabs(theta)));
        const double on = 1 / (1 + exp(-theta));
        for (size_t i = 0; i < m; i++)
            next[i] += rbm->w[i * n + j] * on;
    }
    *moved = distance(rbm, x, next);
    memcpy(x, next, m * sizeof *x);
    return 2 * rbm->c * sum;
}

// Numbers in [-1, 1) that are the same everywhere (Steele, Lea and Flood, OOPSLA 2014: SplitMix64).
static double next_number(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (double)(int64_t)(z ^ (z >> 31)) * 0x1p-63;
}

// Where every unit is on that a direction, drawn at random, points to; of every second start a unit is on or off by
// chance.
static void begin(const struct rbm *rbm, size_t start, uint64_t *random, double *direction, double *x)
{
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    for (size_t i = 0; i < m; i++) {
        direction[i] = next_number(random);
        x[i] = rbm->a[i];
    }
    for (size_t j = 0; j < n; j++) {
        double along = 0;
        for (size_t i = 0; i < m; i++)
            along += rbm->w[i * n + j] * direction[i];
        if (start % 2 ? next_number(random) > 0 : along > 0)
            for (size_t i = 0; i < m; i++)
                x[i] += rbm->w[i * n + j];
    }
}

static void keep(const struct rbm *rbm, const double *x, double height, struct maxima *maxima)
{
    const size_t m = rbm->n_coordinates;
    for (size_t k = 0; k < maxima->n; k++)
        if (distance(rbm, x, maxima->x + k * m) < same)
            return;
    if (maxima->n == MAXIMA_MOST || !isfinite(height))
        return;
    memcpy(maxima->x + maxima->n * m, x, m * sizeof *x);
    maxima->height[maxima->n++] = height;
}

static void find_maxima(const struct rbm *rbm, double *work, struct maxima *maxima)
{
    const size_t m = rbm->n_coordinates;
    const double each = SEEK_STARTS * (4.0 * (double)m + 40) * (double)rbm->hidden, room = seek_operations / each;
    const size_t steps = room > SEEK_STEPS_MOST    ? SEEK_STEPS_MOST
                         : room < SEEK_STEPS_LEAST ? SEEK_STEPS_LEAST
                                                   : (size_t)room;
    uint64_t random = 1;
    for (size_t start = 0; start < SEEK_STARTS; start++) {
        double *x = work, *next = work + m, height = 0;
        begin(rbm, start, &random, next, x);
        double moved = INFINITY;
        for (size_t step = 0; step < steps && moved > settled; step++)
            height = climb(rbm, x, next, &moved);
        keep(rbm, x, height, maxima);
    }
}

// Marks the highest and all that lie no further apart than walkers cross, one after the other; returns its number.
static size_t find_reached(const struct rbm *rbm, struct maxima *maxima)
{
    const size_t m = rbm->n_coordinates;
    size_t highest = 0;
    for (size_t k = 0; k < maxima->n; k++)
        highest = maxima->height[k] > maxima->height[highest] ? k : highest;
    maxima->reached[highest] = true;
    for (bool more = true; more;) {
        more = false;
        for (size_t k = 0; k < maxima->n; k++)
            for (size_t l = 0; l < maxima->n && !maxima->reached[k]; l++)
                if (maxima->reached[l] && distance(rbm, maxima->x + k * m, maxima->x + l * m) < apart)
                    more = maxima->reached[k] = true;
    }
    return highest;
}

static size_t nearest_reached(const struct rbm *rbm, const struct maxima *maxima, size_t k)
{
    const size_t m = rbm->n_coordinates;
    size_t nearest = k;
    double least = INFINITY;
    for (size_t l = 0; l < maxima->n; l++) {
        const double away = distance(rbm, maxima->x + k * m, maxima->x + l * m);
        if (maxima->reached[l] && away < least) {
            least = away;
            nearest = l;
        }
    }
    return nearest;
}

size_t rbm_seek_jumps(const void *state, size_t most, double *displacement)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates;
    struct maxima maxima = { 0 };
    size_t n = 0;
    double *work = rbm->envelope && rbm->hidden > 0 ? memory_doubles((MAXIMA_MOST + 2) * m) : NULL;
    if (!work)
        return 0;
    maxima.x = work + 2 * m;
    find_maxima(rbm, work, &maxima);
    const size_t highest = maxima.n ? find_reached(rbm, &maxima) : 0;
    for (size_t k = 0; k < maxima.n && n < most; k++) {
        if (maxima.reached[k] || maxima.height[k] < maxima.height[highest] + high_enough)
            continue;
        const size_t from = nearest_reached(rbm, &maxima, k);
        for (size_t i = 0; i < m; i++)
            displacement[n * m + i] = maxima.x[k * m + i] - maxima.x[from * m + i];
        n++;
    }
    memory_free(work);
    return n;
}
