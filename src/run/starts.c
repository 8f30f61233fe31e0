// SPDX-License-Identifier: GPL-3.0-or-later
// Several starts. An energy has more than one minimum, and which of them is found depends on the starting parameters
// (docs/optimizers.md). A short training is like any other, but it ends after STARTS_ITERATIONS, or at its first
// plateau where nobody asked for several, and its history is forgotten. Walkers stay where they are and are given a
// burn-in to follow. All that is to be remembered stands in the table of what is kept, so a run can be cut and resumed
// in any of the starts.
#include "run/starts.h"

#include "run/checkpoint.h"
#include "run/stages.h"
#include "vmc/rng.h"

#include <gsl/gsl_cdf.h>
#include <math.h>
#include <string.h>

// Where nobody says: an RBM that is alone has starting weights that decide between minima and saddles, one in four of
// them badly, and is cheap while it is small. There are M + N + MN parameters with the widths fixed; two units or fewer
// on two particles have one minimum. Parameters that are loaded are where they should be, but for units that are added
// to fewer ones: those are in the minimum of the fewer, and the other starts are fresh.
enum { STARTS_USUAL = 6, STARTS_DEAR = 2, STARTS_PARAMETERS_MOST = 1000 };

static bool has_minima(const struct wavefunction *wavefunction)
{
    return wavefunction->n_factors == 1 && wavefunction->factor[0].type->has_minima;
}

static size_t usual(const struct run *run)
{
    const struct wavefunction *wavefunction = &run->ensemble.wavefunction;
    const size_t index = settings_index(run->settings, SETTINGS_OPTIMIZER), n = wavefunction->n_parameters;
    const bool tried = optimizer_type_at(index)->needs_metric && run->settings->optimizer.stop == STOP_PLATEAU &&
                       has_minima(wavefunction),
               few = n <= 3 * (wavefunction->n_coordinates + 1);
    if (!tried || (few && run->settings->system.particles < 3))
        return 1;
    return few || n > STARTS_PARAMETERS_MOST ? STARTS_DEAR : STARTS_USUAL;
}

void starts_skip(struct run *run)
{
    if (run->settings->optimizer.starts == PARAM_COUNT_AUTO)
        run->training.start = STARTS_USUAL;
}

size_t starts_wanted(const struct run *run)
{
    const size_t starts = run->settings->optimizer.starts;
    return starts == PARAM_COUNT_AUTO ? usual(run) : starts;
}

bool starts_over(const struct run *run, bool settled)
{
    const size_t most = run->settings->optimizer.iterations;
    return run->history.n >= (most < STARTS_ITERATIONS ? most : STARTS_ITERATIONS) ||
           (settled && run->settings->optimizer.starts == PARAM_COUNT_AUTO);
}

bool starts_short(const struct run *run) { return starts_wanted(run) > 1 && run->training.start < starts_wanted(run); }

void starts_reset(struct run *run)
{
    struct training *training = &run->training;
    const size_t walkers = run->ensemble.n_walkers;
    training->shortened = training->longest = training->damping = 1;
    training->gain = training->expected = 0;
    training->gain_error = -1;  // not known yet
    training->draws = (run->settings->optimizer.samples + walkers - 1) / walkers;
    training->since = training->backs = training->fresh = training->refined = training->averaged = 0;
    run->history.n = run->history.n_kept = 0;
    run->history.stride = 1;
    stages_begin(run);
    run->pace = (struct pace){ 0 };
    memset(run->memory, 0, run->n_memory * sizeof *run->memory);
    memcpy(run->good_theta, run->theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
}

// Of the last window of iterations.
static double mean_energy(const struct run *run)
{
    const struct history *history = &run->history;
    const size_t window = run->training.window, n = history->n < window ? history->n : window;
    double sum = 0;
    for (size_t k = history->n - n; k < history->n; k++)
        sum += history->energy[k] / (double)n;
    return sum;
}

// Starts are not all alike (docs/optimizers.md). The first is narrow and symmetric. All others have their particles
// apart, with centres a spread over the trap's length: where many repel each other, or a trap is weak, each keeps to a
// site in the lowest minima, and no symmetric start comes to those. Two of three of these are wide as well: weights and
// biases so many times as large find lower minima in strong traps, unless they are large already (units in opposite
// pairs).
static const double wider = 4, wide_already = 1;

static size_t numbers(const struct factor_view *view)
{
    size_t n = view->fixed || view->logarithm ? 0 : 1;
    for (size_t d = 0; d < view->rank; d++)
        n *= view->extent[d];
    return n;
}

static void widen(const struct factor *factor, double *theta)
{
    struct factor_view view[FACTOR_VIEWS_MOST];
    const size_t n_views = factor_views(factor, view);
    double widest = 0;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n_views && widest < wide_already; i++)
            for (size_t k = 0; k < numbers(&view[i]); k++)
                if (pass == 0 && strcmp(view[i].name, "b") == 0)  // biases have no unit
                    widest = fmax(widest, fabs(theta[view[i].first + k]));
                else if (pass == 1)
                    theta[view[i].first + k] *= wider;
}

static double draw_normal(struct rng *rng) { return gsl_cdf_ugaussian_Pinv(rng_uniform(rng)); }

// Centres get normal numbers of the trap's length 1 / sqrt(omega), less their mean over the particles.
static void set_apart(const struct run *run, struct rng *rng, const struct factor *factor, double *theta)
{
    const struct system *system = &run->settings->system;
    const size_t particles = system->particles, dimensions = system->dimensions;
    struct factor_view view[FACTOR_VIEWS_MOST];
    const size_t n_views = factor_views(factor, view);
    for (size_t i = 0; i < n_views; i++)
        for (size_t d = 0; strcmp(view[i].name, "a") == 0 && numbers(&view[i]) && d < dimensions; d++) {
            const double length = 1 / sqrt(sqrt(2 * run->ensemble.hamiltonian.stiffness[d]));
            double *a = theta + view[i].first + d, mean = 0;
            for (size_t p = 0; p < particles; p++) {
                const double step = length * draw_normal(rng);
                a[p * dimensions] += step;
                mean += step / (double)particles;
            }
            for (size_t p = 0; p < particles; p++)
                a[p * dimensions] -= mean;
        }
}

// Two particles separate into centre of mass and relative motion. Where the width is trained it is the best one for
// neither, and units have both to mend. This start shares them out, half to each motion, in directions as even as can
// be, with no unit in both: to the centre of mass along one axis after the other, biases of both signs on each; to
// relative motion around the circle in the plane, else in directions drawn at random, biases about 0. A unit never
// changes sides by itself (docs/optimizers.md, "Minima"). Of three particles and more no such start has ended lowest;
// of many units those along one axis add up to maxima far out.
static const double shared_w = 1.2, shared_b = 1.5, noise_b = 0.15;

// The unit direction number k of n in relative motion; [2 D].
static void relative_direction(size_t k, size_t n, double turn, size_t dimensions, struct rng *rng, double *out)
{
    const double angle = M_PI * (turn + (double)k / (double)n), plane[] = { cos(angle), sin(angle) };
    double square = 0;
    for (size_t d = 0; d < dimensions; d++) {
        out[d] = dimensions == 2 ? plane[d] : draw_normal(rng);
        out[dimensions + d] = -out[d];
        square += 2 * out[d] * out[d];
    }
    for (size_t i = 0; i < 2 * dimensions; i++)
        out[i] /= sqrt(square);
}

static void share_out(const struct run *run, struct rng *rng, size_t hidden, double *a, double *b, double *w)
{
    const size_t dimensions = run->settings->system.dimensions, m = 2 * dimensions, central = hidden / 2;
    const double turn = rng_uniform(rng);
    memset(a, 0, m * sizeof *a);
    for (size_t j = 0; j < hidden; j++) {
        const size_t axis = j % dimensions, on_axis = (central + dimensions - 1 - axis) / dimensions;
        double direction[2 * DIMENSIONS_MOST] = { 0 };
        b[j] = noise_b * draw_normal(rng);
        if (j < central)
            direction[axis] = direction[dimensions + axis] = sqrt(0.5);
        else
            relative_direction(j - central, hidden - central, turn, dimensions, rng, direction);
        if (j < central && on_axis > 1)
            b[j] += shared_b * (2 * (double)(j / dimensions) / (double)(on_axis - 1) - 1);
        for (size_t i = 0; i < m; i++) {
            const double length = 1 / sqrt(sqrt(2 * run->ensemble.hamiltonian.stiffness[i % dimensions]));
            w[i * hidden + j] = shared_w * length * direction[i];
            a[i] -= w[i * hidden + j] / (1 + exp(-b[j]));  // nothing is displaced
        }
    }
}

bool starts_share_out(const struct run *run, struct rng *rng, double *theta)
{
    struct factor_view view[FACTOR_VIEWS_MOST];
    const size_t n_views = factor_views(&run->ensemble.wavefunction.factor[0], view);
    double *a = NULL, *b = NULL, *w = NULL;
    bool width = false;
    size_t hidden = 0;
    for (size_t i = 0; i < n_views; i++) {
        double *const at = theta + view[i].first;
        width = width || (strcmp(view[i].name, "sigma") == 0 && view[i].logarithm);
        if (strcmp(view[i].name, "a") == 0 && numbers(&view[i]))
            a = at;
        else if (strcmp(view[i].name, "b") == 0 && numbers(&view[i])) {
            b = at;
            hidden = view[i].extent[0];
        } else if (strcmp(view[i].name, "w") == 0 && numbers(&view[i]))
            w = at;
    }
    if (!a || !b || !w || !width || run->settings->system.particles != 2 ||
        hidden > 2 * run->ensemble.wavefunction.n_coordinates)
        return false;
    share_out(run, rng, hidden, a, b, w);
    return true;
}

enum { STARTS_ROUND = 6, START_SHARED_OUT = 4 };  // of so many the one with that number

static void starting_point(struct run *run)
{
    struct rng rng;
    const struct factor *first = &run->ensemble.wavefunction.factor[0];
    rng_start(&rng, run->settings->run.seed, UINT64_MAX - run->training.start);
    wavefunction_start(&run->ensemble.wavefunction, rng_uniform, &rng, run->theta);
    const size_t start = run->training.start;
    const bool apart = start > 0 && has_minima(&run->ensemble.wavefunction), wide = apart && start % 3 != 1;
    if (apart && start % STARTS_ROUND == START_SHARED_OUT && starts_share_out(run, &rng, run->theta))
        return;
    if (wide)
        widen(first, run->theta);
    if (apart)
        set_apart(run, &rng, first, run->theta);
}

bool starts_next(struct run *run, struct error *error)
{
    struct training *training = &run->training;
    const size_t n = run->ensemble.wavefunction.n_parameters;
    const double energy = mean_energy(run);
    if (training->start == 0 || energy < training->best_energy) {
        training->best_energy = energy;
        training->best_damping = training->damping;
        memcpy(run->best_theta, run->good_theta, n * sizeof *run->theta);
    }
    run_note(run, "start %zu of %zu: %.5f after %zu iterations; lowest %.5f", training->start + 1, starts_wanted(run),
             energy, run->history.n, training->best_energy);
    training->start++;
    if (starts_short(run))
        starting_point(run);
    else
        memcpy(run->theta, run->best_theta, n * sizeof *run->theta);
    team_share(run->options->team, run->theta, n * sizeof *run->theta);
    if (!ensemble_take(&run->ensemble, run->theta))
        return error_add(error, ERROR_INTERNAL,
                         "start %zu of %zu makes no finite wave function; use a smaller rbm.init_scale or another "
                         "rbm.sigma",
                         training->start + 1, starts_wanted(run));
    ensemble_burn_in(&run->ensemble, run->settings->sampler.burn_in, isnan(run->settings->sampler.step));
    if (run->ensemble.was_cut)
        return false;
    starts_reset(run);
    if (!starts_short(run)) {
        training->damping = training->best_damping;
        while (!stages_at_last(run))
            stages_advance(run);
    }
    checkpoint_take(run);  // rows of the history are written anew: what was saved before no longer fits them
    return true;
}
