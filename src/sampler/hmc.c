// SPDX-License-Identifier: GPL-3.0-or-later
// Hamiltonian Monte Carlo on U = -2 ln|psi| / T (docs/theory.md, eqs. 4.10 and 4.11). Coordinates have widths s_i, the
// square roots of the inverse masses; momenta pi_i are drawn standard normal. A trajectory of n leapfrog steps of
// length e,
//     pi += e s g / T,   x += e s pi,   pi += e s g / T,   g = grad ln|psi|,
// is accepted with min(1, exp(-(H' - H))), H = U + 1/2 sum pi^2. Duane et al., Phys. Lett. B 195, 216 (1987); Neal,
// Handbook of Markov Chain Monte Carlo, ch. 5 (2011).
//
// Length. A trajectory has the length `trajectory` on average, in units of the widths: a block takes between half and
// one and a half times as many steps, every walker a step between 0.9 and 1.1 e, so that no walker goes round in a
// period of its motion. Both are drawn apart from x and pi, which keeps the balance.
//
// Where psi vanishes somewhere the kicks are limited as the drift of Langevin steps is (drift.h). Any kick that depends
// on x alone leaves leapfrog steps reversible and their volume as it is: limited ones make the energy less constant in
// places where it would not have been constant at all, and the decision makes up for it. A trajectory that comes into a
// core is rejected.
//
// Step and widths are learnt (`learn`): widths from the scatter of the walkers, the step by dual averaging to an
// acceptance of 0.8. Hoffman and Gelman, J. Mach. Learn. Res. 15, 1593 (2014), with their constants.
#include "sampler/accept.h"
#include "sampler/drift.h"
#include "vmc/rng.h"
#include "vmc/sampler.h"

#include <math.h>

struct hmc {
    double trajectory;
    bool limited, has_core;
};

static const struct param params[] = {
    PARAM_REAL(hmc, trajectory, .range = PARAM_WITHIN(0.1, 100), .fallback = "1.5",
               .help = "mean length of a trajectory, in units of the widths of the coordinates"),
    PARAM_END,
};

extern const struct sampler_type sampler_hmc;

static const double BEST_ACCEPTANCE = 0.8, STEP_JITTER = 0.1, DIVERGENT = 1000;
// ln|psi|^2 inside a core is far below this, and that of no other place is.
static const double INSIDE = -1e6;
enum { STEPS_MOST = 1024 };

static double best_acceptance(const void *state, const struct system *system)
{
    (void)state;
    (void)system;
    return BEST_ACCEPTANCE;
}

// In units of the widths; it falls with the fourth root of the dimension.
static double first_step(const void *state, const struct system *system)
{
    (void)state;
    return 1.2 / pow((double)system_coordinates(system), 0.25);
}

static bool prepare(void *state, const struct wavefunction *wavefunction)
{
    struct hmc *hmc = state;
    struct factor_traits traits;
    wavefunction_traits(wavefunction, &traits);
    hmc->limited = drift_needs_limit(wavefunction);
    hmc->has_core = traits.core > 0;
    return true;
}

// Momenta [M], kicks [M], uniform, jitter, number of steps, kinetic energy, change of energy, mask.
static size_t n_scratch_rows(const void *state, const struct wavefunction *wavefunction)
{
    (void)state;
    return 2 * wavefunction->n_coordinates + 6;
}

static size_t moves_per_sweep(const void *state, const struct system *system)
{
    (void)state;
    (void)system;
    return 1;
}

// ---- trajectories

struct rows {
    double *momenta, *kicks, *uniform, *jitter, *number, *kinetic, *change, *mask;
};

static struct rows lay_out(size_t m, double *scratch)
{
    double *rest = rows_at(scratch, 2 * m);
    return (struct rows){ scratch,          rows_at(scratch, m), rest,
                          rows_at(rest, 1), rows_at(rest, 2),    rows_at(rest, 3),
                          rows_at(rest, 4), rows_at(rest, 5) };
}

// As many as the first walker's number says, for all of the block.
static size_t count_steps(const struct hmc *hmc, double step, const double *number)
{
    const double steps = floor(hmc->trajectory / step * (0.5 + number[0]) + 0.5);
    return steps > STEPS_MOST ? STEPS_MOST : steps >= 1 ? (size_t)steps : 1;
}

// pi += times e s g / T; a kick of once is half a step's.
static void kick(const struct hmc *hmc, const struct sampler_rung *rung, const struct wavefunction *wavefunction,
                 double times, const double *frame, const struct rows *rows)
{
    const size_t m = wavefunction->n_coordinates;
    const double *gradient = rows_at_const(frame, wavefunction->row_gradient);
    for (size_t i = 0; i < m; i++) {
        const pack scale = pack_all(rung->step * rung->numbers[i] / rung->temperature);
        for (size_t k = i * ROW_PACKS; k < (i + 1) * ROW_PACKS; k++)
            ((pack *)rows->kicks)[k] = scale * ((const pack *)gradient)[k];
    }
    if (hmc->limited)
        drift_shorten(1, wavefunction->system.dimensions, m, rows->kicks, rows->kicks);
    for (size_t k = 0; k < m * ROW_PACKS; k++) {
        const pack much = times * ((const pack *)rows->jitter)[k % ROW_PACKS];
        ((pack *)rows->momenta)[k] = pack_fma(much, ((const pack *)rows->kicks)[k], ((const pack *)rows->momenta)[k]);
    }
}

// x += e s pi
static void glide(const struct sampler_rung *rung, size_t m, const struct rows *rows, double *x)
{
    for (size_t i = 0; i < m; i++) {
        const pack scale = pack_all(rung->step * rung->numbers[i]);
        for (size_t l = 0; l < ROW_PACKS; l++) {
            const pack far = scale * ((const pack *)rows->jitter)[l];
            pack *at = (pack *)x + i * ROW_PACKS + l;
            *at = pack_fma(far, ((const pack *)rows->momenta)[i * ROW_PACKS + l], *at);
        }
    }
}

// Walkers inside a core, whose trajectory cannot be accepted: no number is below their u. From the first to the last
// point such a trajectory is the same one as its reverse.
static void refuse_cores(const struct wavefunction *wavefunction, const double *frame, double *uniform)
{
    const pack never = pack_all(INFINITY), inside = pack_all(INSIDE);
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack exponent = pack_all(0.0);
        for (size_t f = 0; f < wavefunction->n_weights; f++)
            exponent += ((const pack *)rows_at_const(frame, wavefunction->row_weight + 2 * f + 1))[l];
        ((pack *)uniform)[l] = pack_select(exponent < inside, never, ((const pack *)uniform)[l]);
    }
}

// ln|psi'/psi|^2 per walker
static void find_change(const struct wavefunction *wavefunction, const double *current, const double *trial,
                        double *out)
{
    for (size_t l = 0; l < ROW_PACKS; l++) {
        pack old = pack_all(1.0), new = pack_all(1.0), exponent = pack_all(0.0);
        for (size_t f = 0; f < wavefunction->n_weights; f++) {
            const size_t row = wavefunction->row_weight + 2 * f;
            old *= ((const pack *)rows_at_const(current, row))[l];
            new *= ((const pack *)rows_at_const(trial, row))[l];
            exponent += ((const pack *)rows_at_const(trial, row + 1))[l] -
                        ((const pack *)rows_at_const(current, row + 1))[l];
        }
        ((pack *)out)[l] = pack_log(new / old) + exponent;
    }
}

// change: T (K - K'), which the decision needs, from half the squares of the momenta before and after. Trajectories
// whose energy was not kept are counted, and cannot be accepted if it is no number.
static size_t count_divergent(const struct sampler_rung *rung, const struct rows *rows, const double *after,
                              const double *change)
{
    size_t divergent = 0;
    for (size_t w = 0; w < WALKERS; w++) {
        const double gain = after[w] - rows->kinetic[w] - change[w] / rung->temperature;
        if (isinf(rows->uniform[w]) || fabs(gain) <= DIVERGENT)
            continue;
        divergent++;
        if (!isfinite(gain))
            rows->uniform[w] = INFINITY;
    }
    return divergent;
}

static void find_kinetic(size_t m, const double *momenta, double *out)
{
    rows_sum_squares(m, NULL, 0, NULL, momenta, out);
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)out)[l] *= 0.5;
}

static void move(const struct hmc *hmc, const struct sampler_rung *rung, const struct wavefunction *wavefunction,
                 const struct rows *rows, struct block *block)
{
    const size_t m = wavefunction->n_coordinates, steps = count_steps(hmc, rung->step, rows->number);
    rows_copy(m, block->current, block->trial);
    kick(hmc, rung, wavefunction, 1, block->current, rows);
    for (size_t k = 1; k <= steps; k++) {
        glide(rung, m, rows, block->trial);
        wavefunction_evaluate(wavefunction, block->trial);
        if (hmc->has_core)
            refuse_cores(wavefunction, block->trial, rows->uniform);
        kick(hmc, rung, wavefunction, k < steps ? 2 : 1, block->trial, rows);
    }
}

static size_t sweep(const void *state, const struct sampler_rung *rung, const struct wavefunction *wavefunction,
                    struct block *block, double *scratch)
{
    const size_t m = wavefunction->n_coordinates;
    const struct rows rows = lay_out(m, scratch);
    double *after = rows.number;  // needed no more by then
    rng_normals(block->random, m, rows.momenta);
    rng_uniforms(block->random, 3, rows.uniform);
    accept_temper(rung->temperature, rows.uniform);
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)rows.jitter)[l] = 1 + STEP_JITTER * (2.0 * ((const pack *)rows.jitter)[l] - 1.0);
    find_kinetic(m, rows.momenta, rows.kinetic);
    move(state, rung, wavefunction, &rows, block);
    find_kinetic(m, rows.momenta, after);
    find_change(wavefunction, block->current, block->trial, rows.change);
    block->divergent += count_divergent(rung, &rows, after, rows.change);
    for (size_t l = 0; l < ROW_PACKS; l++)
        ((pack *)rows.change)[l] = rung->temperature * (((const pack *)rows.kinetic)[l] - ((const pack *)after)[l]);
    const size_t accepted = accept_mask(wavefunction, block->current, block->trial, rows.uniform, rows.change,
                                        wavefunction->n_weights, rows.mask);
    accept_frame(wavefunction, accepted, rows.mask, block);
    return accepted;
}

// ---- learning

// Numbers of a rung: widths [M], these, then sums of the walkers' variances since the widths were last set [M].
enum { LESSONS, SHORTFALL, LOG_STEP, CENTRE, GATHERED, SEGMENT, NUMBERS };

static size_t n_numbers(const struct system *system) { return 2 * system_coordinates(system) + NUMBERS; }

static void begin(const void *state, const struct system *system, double *numbers)
{
    const size_t m = system_coordinates(system);
    (void)state;
    for (size_t k = 0; k < n_numbers(system); k++)
        numbers[k] = k < m ? sqrt(0.5 / system->omega[k % system->dimensions]) : 0;
}

// Dual averaging anew, from the present step.
static void begin_steps(double step, double *own)
{
    own[LESSONS] = own[SHORTFALL] = 0;
    own[CENTRE] = log(10 * step);
    own[LOG_STEP] = 0;
}

static void learn_step(double acceptance, double *own, double *step)
{
    const double gamma = 0.05, delay = 10, kappa = 0.75, n = ++own[LESSONS];
    own[SHORTFALL] += (BEST_ACCEPTANCE - acceptance - own[SHORTFALL]) / (n + delay);
    const double log_step = own[CENTRE] - sqrt(n) / gamma * own[SHORTFALL], share = pow(n, -kappa);
    own[LOG_STEP] += share * (log_step - own[LOG_STEP]);
    *step = exp(log_step);
}

static void gather_widths(const struct sampler_lesson *lesson, double *own)
{
    own[GATHERED]++;
    for (size_t i = 0; i < lesson->n_coordinates; i++)
        own[NUMBERS + i] += lesson->squares[i];
}

static void set_widths(const struct sampler_lesson *lesson, double *widths, double *own)
{
    for (size_t i = 0; i < lesson->n_coordinates; i++) {
        const double width = sqrt(own[NUMBERS + i] / own[GATHERED]);
        if (isfinite(width) && width > 0)
            widths[i] = width;
        own[NUMBERS + i] = 0;
    }
    own[GATHERED] = 0;
}

// Shares of the burn-in after which widths are set anew from what was gathered since the share before, and the step
// begins anew; the first stretch is forgotten, the last belongs to the step alone.
static const double segment_ends[] = { 0.15, 0.35, 0.6 };
enum { SEGMENTS = sizeof segment_ends / sizeof *segment_ends };

static void learn_in_burn_in(const struct sampler_lesson *lesson, struct sampler_rung *rung)
{
    double *own = rung->numbers + lesson->n_coordinates;
    const size_t segment = (size_t)own[SEGMENT];
    if (own[LESSONS] == 0)
        begin_steps(rung->step, own);
    if (lesson->tune)
        learn_step(lesson->acceptance, own, &rung->step);
    if (segment > 0 && segment < SEGMENTS)
        gather_widths(lesson, own);
    if (segment < SEGMENTS && lesson->progress >= segment_ends[segment]) {
        if (segment > 0)
            set_widths(lesson, rung->numbers, own);
        if (lesson->tune) {
            rung->step = exp(own[LOG_STEP]);
            begin_steps(rung->step, own);
        }
        own[SEGMENT]++;
    }
    if (lesson->progress < 1)
        return;
    if (lesson->tune && own[LESSONS] > 0)
        rung->step = exp(own[LOG_STEP]);
    own[LESSONS] = own[SEGMENT] = 0;
}

// The wave function changes slowly: step and widths follow it.
static void learn_in_training(const struct sampler_lesson *lesson, struct sampler_rung *rung)
{
    const double share = 0.05;
    for (size_t i = 0; i < lesson->n_coordinates; i++) {
        const double square = rung->numbers[i] * rung->numbers[i] * (1 - share) + share * lesson->squares[i];
        if (isfinite(square) && square > 0)
            rung->numbers[i] = sqrt(square);
    }
    if (lesson->tune)
        rung->step *= exp(0.2 * (lesson->acceptance - BEST_ACCEPTANCE));
}

static void learn(const void *state, const struct sampler_lesson *lesson, struct sampler_rung *rung)
{
    (void)state;
    (isnan(lesson->progress) ? learn_in_training : learn_in_burn_in)(lesson, rung);
}

const struct sampler_type sampler_hmc = {
    .name = "hmc",
    .summary = "Hamiltonian Monte Carlo: trajectories along grad ln|psi|",
    .state_size = sizeof(struct hmc),
    .params = params,
    .has_step = true,
    .step_unit = "1",
    .best_acceptance = best_acceptance,
    .first_step = first_step,
    .prepare = prepare,
    .n_scratch_rows = n_scratch_rows,
    .moves_per_sweep = moves_per_sweep,
    .sweep = sweep,
    .tempers = true,
    .n_numbers = n_numbers,
    .begin = begin,
    .lesson_sweeps = 2,
    .learn = learn,
};
