// SPDX-License-Identifier: GPL-3.0-or-later
// An RBM's settings and parameters: where it starts, what it takes over, what it shows.
#include "wavefunction/environment.h"
#include "wavefunction/rbm.h"

#include "base/memory.h"
#include "base/rows.h"
#include "vmc/units.h"

#include <math.h>
#include <string.h>

static const char *representation_name(size_t k)
{
    return k == RBM_AMPLITUDE ? "amplitude" : k == RBM_PROBABILITY ? "probability" : NULL;
}

static const char *envelope_name(size_t k)
{
    return k == RBM_ENVELOPE_AUTO ? "auto" : k == RBM_ENVELOPE_YES ? "yes" : k == RBM_ENVELOPE_NO ? "no" : NULL;
}

static const char *sharing_name(size_t k)
{
    static const char *const names[] = {
        [RBM_OWN_WEIGHTS] = "none", [RBM_SHARED_ENVIRONMENT] = "environment", [RBM_SHARED_PAIRS] = "pairs"
    };
    return k < sizeof names / sizeof *names ? names[k] : NULL;
}

const struct param rbm_params[] = {
    PARAM_COUNT(rbm, hidden, .range = PARAM_WITHIN(0, 100000), .fallback = "2", .help = "number of hidden units"),
    PARAM_CHOICE(rbm, representation, .choice = representation_name, .fallback = "amplitude",
                 .help = "amplitude: psi = F; probability: |psi|^2 = F, F the marginal of the Boltzmann machine"),
    { .key = "sigma",
      .kind = PARAM_KIND_REALS,
      .offset = offsetof(struct rbm, sigma_setting),
      .range = PARAM_ABOVE(0),
      .most = DIMENSIONS_MOST,
      .may_be_auto = true,
      .fallback = "auto",
      .unit = UNIT_LENGTH,
      .help =
          "width of the Gaussian: one value, one per dimension, or auto, the width that is exact for the bare trap" },
    PARAM_BOOL(
        rbm, train_sigma, .fallback = "no",
        .help = "train the width, starting from sigma: one, or one per dimension where sigma or the trap has them"),
    { .key = "envelope",
      .kind = PARAM_KIND_CHOICE,
      .offset = offsetof(struct rbm, envelope_setting),
      .choice = envelope_name,
      .fallback = "auto",
      .help = "whether the RBM has its Gaussian; auto: it is dropped when another factor carries the trap's" },
    PARAM_REAL(rbm, init_scale, .range = PARAM_AT_LEAST(0), .fallback = "0.15",
               .help = "spread of the normally distributed starting parameters: of b, and of w in units of sigma over "
                       "the root of the number of units"),
    PARAM_CHOICE(rbm, sharing, .choice = sharing_name, .fallback = "none",
                 .help = "weights that particles share: none; environment: units look at the surroundings of each "
                         "particle; pairs: at each pair"),
    PARAM_BOOL(rbm, vectors, .fallback = "yes", .applies = "sharing = environment",
               .help = "units look at directions as well as distances"),
    PARAM_END,
};

size_t rbm_n_parameters(const void *state)
{
    const struct rbm *rbm = state;
    return rbm->n_coordinates * (1 + rbm->hidden) + rbm->hidden + rbm->n_widths;
}

// Units that are shared are another factor under the same name.
const struct factor_type *rbm_instead(const void *state)
{
    const size_t sharing = ((const struct rbm *)state)->sharing;
    return sharing == RBM_SHARED_ENVIRONMENT ? &environment_units
           : sharing == RBM_SHARED_PAIRS     ? &environment_pairs
                                             : &factor_rbm;
}

size_t rbm_sigma_offset(const struct rbm *rbm) { return rbm->n_coordinates * (1 + rbm->hidden) + rbm->hidden; }

// sigma_d^2 = 1/omega_d (amplitude) or 1/(2 omega_d) (probability) makes w = 0 the ground state of the bare trap
static double sigma_at_start(const struct rbm *rbm, size_t d)
{
    if (rbm->sigma_setting.n == 0)
        return sqrt(rbm->c / rbm->omega[d]);
    return rbm->sigma_setting.value[rbm->sigma_setting.n == 1 ? 0 : d];
}

// One width for all dimensions where one value was given, or where auto finds an isotropic trap. Free from each other
// they would follow the first hidden units into a lopsided minimum.
static size_t count_widths(const struct rbm *rbm)
{
    bool alike = rbm->sigma_setting.n <= 1;
    for (size_t d = 1; d < rbm->dimensions; d++)
        alike = alike && rbm->sigma[d] == rbm->sigma[0];
    return alike ? 1 : rbm->dimensions;
}

void rbm_finish(void *state)
{
    struct rbm *rbm = state;
    double **owned[] = {
        &rbm->a,         &rbm->b,        &rbm->w,         &rbm->inverse_variance, &rbm->v,
        &rbm->v_squared, &rbm->coupling, &rbm->stiffness, &rbm->offset,
    };
    for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) {
        memory_free(*owned[k]);
        *owned[k] = NULL;
    }
}

bool rbm_build(void *state, const struct system *system, const struct factor_surroundings *surroundings,
               struct error *error)
{
    const bool others_carry_trap = surroundings->others_carry_trap;
    struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates = system_coordinates(system), n = rbm->hidden;
    rbm->dimensions = system->dimensions;
    rbm->c = rbm->representation == RBM_AMPLITUDE ? 1 : 0.5;
    rbm->envelope = rbm->envelope_setting == RBM_ENVELOPE_YES ||
                    (rbm->envelope_setting == RBM_ENVELOPE_AUTO && !others_carry_trap);
    if (!rbm->envelope && !others_carry_trap)
        return error_add(error, ERROR_CONFIG,
                         "[rbm] envelope = no leaves no Gaussian in the wave function; add the factor gaussian or use "
                         "envelope = auto");
    if (rbm->sigma_setting.n > 1 && rbm->sigma_setting.n != system->dimensions)
        return error_add(error, ERROR_CONFIG,
                         "[rbm] sigma: %zu values for %zu dimensions; give one value, or one per dimension",
                         rbm->sigma_setting.n, system->dimensions);
    for (size_t d = 0; d < system->dimensions; d++) {
        rbm->omega[d] = system->omega[d];
        rbm->sigma[d] = sigma_at_start(rbm, d);
    }
    rbm->n_widths = rbm->train_sigma ? count_widths(rbm) : 0;
    struct {
        double **array;
        size_t size;
    } arrays[] = { { &rbm->a, m },     { &rbm->b, n },         { &rbm->w, m * n },        { &rbm->inverse_variance, m },
                   { &rbm->v, m * n }, { &rbm->v_squared, n }, { &rbm->coupling, m * n }, { &rbm->stiffness, m },
                   { &rbm->offset, m } };
    bool good = true;
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++)
        good = (*arrays[k].array = memory_doubles(arrays[k].size)) && good;
    if (!good)
        return error_add(error, ERROR_INTERNAL, "no memory for an RBM of %zu coordinates and %zu hidden units", m, n);
    return true;
}

size_t rbm_views(const void *state, struct factor_view view[FACTOR_VIEWS_MOST])
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    view[0] = (struct factor_view){ .name = "a",
                                    .long_name = "visible biases: centres of the Gaussian",
                                    .unit = UNIT_LENGTH,
                                    .rank = 1,
                                    .extent = { m, 0 },
                                    .label = { "coordinate", NULL },
                                    .first = 0 };
    view[1] = (struct factor_view){ .name = "b",
                                    .long_name = "hidden biases",
                                    .rank = 1,
                                    .extent = { n, 0 },
                                    .label = { "hidden", NULL },
                                    .first = m };
    view[2] = (struct factor_view){ .name = "w",
                                    .long_name = "weights between coordinates and hidden units",
                                    .unit = UNIT_LENGTH,
                                    .rank = 2,
                                    .extent = { m, n },
                                    .label = { "coordinate", "hidden" },
                                    .first = m + n };
    view[3] = (struct factor_view){
        .name = "sigma",
        .long_name = "width of the Gaussian per dimension",
        .unit = UNIT_LENGTH,
        .rank = 1,
        .extent = { rbm->dimensions, 0 },
        .label = { "dimension", NULL },
        .first = rbm_sigma_offset(rbm),
        .logarithm = rbm->train_sigma,
        .shared = rbm->n_widths == 1,
        .fixed = rbm->train_sigma ? NULL : rbm->sigma,
    };
    return 4;
}

// smooth everywhere; free weights tell one particle from another
void rbm_traits(const void *state, struct factor_traits *traits)
{
    const struct rbm *rbm = state;
    *traits = (struct factor_traits){ .symmetry = rbm->n_coordinates == rbm->dimensions ? FACTOR_SYMMETRIC
                                                                                        : FACTOR_UNSYMMETRIC,
                                      .scalable = rbm->train_sigma };
}

const char *rbm_representation(const void *state)
{
    return representation_name(((const struct rbm *)state)->representation);
}

static double normal(double (*uniform)(void *random), void *random)
{
    const double radius = sqrt(-2 * log(uniform(random)));
    return radius * cos(6.283185307179586 * uniform(random));
}

// With a width to train, the units of a small start all end as ridges through the centre or as a wider centre of mass,
// and more than 2 M of them find nothing else to do. Pairs of opposite units (b, w) and (b, -w) with biases so wide
// that each begins apart from the others, blind to the centre of mass (which separates in a trap), find shells off the
// centre: docs/optimizers.md.
static bool starts_wide(const struct rbm *rbm) { return rbm->train_sigma && rbm->hidden > 2 * rbm->n_coordinates; }
static const double wide_b = 20, wide_w = 20.0 / 3;

// Unit j without its share in the centre of mass
static void leave_centre(const struct rbm *rbm, size_t j, double *w)
{
    const size_t dimensions = rbm->dimensions, n = rbm->hidden, particles = rbm->n_coordinates / dimensions;
    for (size_t d = 0; d < dimensions && particles > 1; d++) {
        double mean = 0;
        for (size_t p = 0; p < particles; p++)
            mean += w[(p * dimensions + d) * n + j] / (double)particles;
        for (size_t p = 0; p < particles; p++)
            w[(p * dimensions + d) * n + j] -= mean;
    }
}

static void oppose(const struct rbm *rbm, size_t j, double *b, double *w)
{
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    b[j] = b[j - 1];
    for (size_t i = 0; i < m; i++)
        w[i * n + j] = -w[i * n + j - 1];
}

// The sum over units of w_ij^2 s_j (1 - s_j) is what bends ln psi, and that of w_ij s_j what displaces it. Weights of
// init_scale sigma / sqrt N keep the former the same for any N, and centres a cancel the latter: at the start the wave
// function is nearly the Gaussian for any number of units. Random biases tell the units' sigmoids apart.
void rbm_start(const void *state, double (*uniform)(void *random), void *random, double *theta)
{
    const struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    const bool wide = starts_wide(rbm);
    const double spread_b = rbm->init_scale * (wide ? wide_b : 1),
                 spread_w = rbm->init_scale * (wide ? wide_w : 1) / sqrt((double)n);
    double *a = theta, *b = theta + m, *w = b + n;
    for (size_t j = 0; j < n; j++)
        b[j] = spread_b * normal(uniform, random);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            w[i * n + j] = spread_w * sigma_at_start(rbm, i % rbm->dimensions) * normal(uniform, random);
    for (size_t j = 0; wide && j < n; j++)
        if (j % 2 == 0)
            leave_centre(rbm, j, w);
        else
            oppose(rbm, j, b, w);
    for (size_t i = 0; i < m; i++) {
        a[i] = 0;
        for (size_t j = 0; j < n; j++)
            a[i] -= w[i * n + j] / (1 + exp(-b[j]));
    }
    for (size_t d = 0; d < rbm->n_widths; d++)
        theta[rbm_sigma_offset(rbm) + d] = log(sigma_at_start(rbm, d));
}

bool rbm_prepare(void *state, const double *theta)
{
    struct rbm *rbm = state;
    const size_t m = rbm->n_coordinates, n = rbm->hidden;
    memcpy(rbm->a, theta, m * sizeof *theta);
    memcpy(rbm->b, theta + m, n * sizeof *theta);
    memcpy(rbm->w, theta + m + n, m * n * sizeof *theta);
    if (rbm->train_sigma)
        for (size_t d = 0; d < rbm->dimensions; d++)
            rbm->sigma[d] = exp(theta[rbm_sigma_offset(rbm) + (rbm->n_widths == 1 ? 0 : d)]);
    double sum = rbm->curvature = 0;
    for (size_t i = 0; i < m; i++) {
        const double sigma = rbm->sigma[i % rbm->dimensions];
        rbm->inverse_variance[i] = 1 / (sigma * sigma);
        rbm->spread[i % rbm->dimensions] = sqrt(1 / (2 * rbm->c * rbm->inverse_variance[i]));
        rbm->stiffness[i] = rbm->envelope ? -rbm->c * rbm->inverse_variance[i] : 0;
        rbm->offset[i] = -rbm->stiffness[i] * rbm->a[i];
        rbm->curvature += rbm->stiffness[i];
        sum += rbm->inverse_variance[i] + sigma + theta[i];
    }
    for (size_t j = 0; j < n; j++) {
        rbm->v_squared[j] = 0;
        for (size_t i = 0; i < m; i++) {
            const double v = rbm->v[j * m + i] = rbm->w[i * n + j] * rbm->inverse_variance[i];
            rbm->v_squared[j] += v * v;
            rbm->coupling[i * n + j] = rbm->c * v;
        }
        sum += rbm->v_squared[j] + rbm->b[j];
    }
    return isfinite(sum);
}
