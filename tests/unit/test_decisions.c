// SPDX-License-Identifier: GPL-3.0-or-later
// What training and measuring decide, on histories, series and moments made up by dice, against a record: when a
// training has settled, refines, begins again or is over, at both sides of every bound; what is foreseen; which control
// variates are in use; where starts begin; what becomes of walkers without a finite energy; results of series whose
// walkers never meet. Thousands of cases that no run would come to.
//
//     test_decisions RECORD            compares
//     test_decisions RECORD --write    records anew
//     test_decisions --show            prints
#include "support/clock.h"
#include "support/recorded.h"
#include "support/tally.h"

#include "run/checkpoint.h"
#include "run/compatibility.h"
#include "run/conclude.h"
#include "run/course.h"
#include "run/judged.h"
#include "run/kept.h"
#include "run/metric_size.h"
#include "run/phases.h"
#include "run/recall.h"
#include "run/revive.h"
#include "run/series.h"
#include "run/settle.h"
#include "run/sites.h"
#include "run/stages.h"
#include "run/starting_point.h"
#include "run/starts.h"
#include "run/stop.h"
#include "run/train_exact.h"
#include "run/trust.h"
#include "run/worth.h"
#include "vmc/level.h"
#include "vmc/referee.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ITERATIONS = 520, CASES = 700, TOGETHER = 10, SERIES_CASES = 12, TEXT_SIZE = 1000 };

// ---- runs of every kind

static const char *const systems[] = {
    "system.particles=2 system.interaction=coulomb rbm.hidden=2",
    "system.particles=2 system.interaction=coulomb rbm.hidden=4 rbm.train_sigma=yes rbm.sigma=0.9",
    "system.particles=3 system.interaction=coulomb rbm.hidden=6 system.omega=1,1.3",
    "system.particles=4 system.dimensions=3 system.interaction=coulomb rbm.hidden=9",
    "system.particles=10 system.dimensions=3 system.interaction=coulomb rbm.hidden=20",
    "system.particles=2 system.dimensions=3 rbm.hidden=100 rbm.train_sigma=yes",
    "system.particles=3 system.dimensions=1 system.interaction=soft-coulomb rbm.hidden=3",
    "system.particles=4 system.interaction=coulomb system.statistics=fermions system.spin_up=3 "
    "wavefunction.factors=slater,pade-jastrow,rbm rbm.sharing=environment rbm.hidden=2 slater.backflow=exponential",
    "system.particles=4 system.interaction=coulomb system.statistics=fermions system.spin_up=3 "
    "wavefunction.factors=slater,pade-jastrow",
    "system.particles=3 system.dimensions=3 system.interaction=harmonic wavefunction.factors=gaussian,gaussian-pair",
    "system.particles=3 system.interaction=coulomb wavefunction.factors=gaussian gaussian.train=no",
    "system.particles=2 system.interaction=coulomb rbm.hidden=2 optimizer.method=sgd",
    "system.particles=2 system.interaction=coulomb rbm.hidden=3 optimizer.method=adam "
    "measure.controls=linear,quadratic",
    "system.particles=2 rbm.hidden=2 optimizer.method=exact rbm.train_sigma=yes",
    "system.particles=2 system.omega=0.7,1.6 system.interaction=coulomb rbm.hidden=8 rbm.train_sigma=yes",
    "system.particles=5 system.interaction=gaussian interaction.height=3 rbm.hidden=5 sampler.temperatures=1,1.5",
    "system.particles=3 system.interaction=hard-sphere interaction.diameter=0.4 "
    "wavefunction.factors=gaussian,hard-core",
};
enum { SYSTEMS = sizeof systems / sizeof *systems };

struct made {
    struct settings settings;
    struct run_options options;
    struct run_result result;
    struct run run;
};

static void set_all(struct config *config, const char *text)
{
    char copy[TEXT_SIZE], *rest = copy;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word; (word = strsep(&rest, " "));)
        config_set(config, word, NULL);
}

static void configure(struct settings *settings, const char *text)
{
    struct config config = { 0 };
    struct error error = { 0 };
    set_all(&config, "system.dimensions=2 sampler.walkers=64 sampler.burn_in=0 optimizer.iterations=520 "
                     "measure.samples=2048 measure.series_values=1024 optimizer.samples=128 measure.positions=5");
    set_all(&config, text);
    if (!settings_build(settings, &config, &error, NULL)) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        exit(2);
    }
    config_finish(&config);
}

static void make(struct made *made, const char *text)
{
    struct error error = { 0 };
    *made = (struct made){ .options = { .threads = 1 } };
    configure(&made->settings, text);
    made->run = (struct run){ .settings = &made->settings, .options = &made->options, .result = &made->result };
    run_clear(&made->result);
    if (!run_build(&made->run, &error) || !run_begin(&made->run, &error)) {
        fprintf(stderr, "%s: %s\n", text, error.text);
        exit(2);
    }
}

static void unmake(struct made *made)
{
    run_finish(&made->run);
    settings_finish(&made->settings);
}

// ---- training as it may have gone

static double size(struct dice *dice, double least, double most)
{
    return least * pow(most / least, dice_uniform(dice));
}

// Falling, flat, rising, swinging or the same everywhere, with and without noise; exact, and about to be.
static void make_history(struct dice *dice, struct history *history, size_t n)
{
    const double last = DICE_VALUE(dice, 3, -1.5, 30),
                 fall = DICE_VALUE(dice, 0, 1, 1, -1) * size(dice, 1e-7, 0.3) * fabs(last), over = size(dice, 3, 2000),
                 swing = dice_one_in(dice, 6) ? size(dice, 1e-5, 1) : 0,
                 noise = dice_one_in(dice, 8) ? 0 : size(dice, 1e-8, 0.03) * fabs(last),
                 slope = DICE_VALUE(dice, 0, 1, 1, -1) * size(dice, 1e-9, 0.1),
                 rough = dice_one_in(dice, 6) ? 0 : size(dice, 1e-9, 0.1),
                 variance = size(dice, 1e-22, 1) * last * last, vanishing = DICE_VALUE(dice, 1, 1, 0.84, 0.8);
    history->n = n;
    for (size_t k = 0; k < n; k++) {
        const double ago = (double)(n - 1 - k);
        history->energy[k] = last + fall * (1 - exp(-ago / over)) + (k % 2 ? swing : -swing) +
                             noise * dice_normal(dice);
        history->energy_error[k] = noise;
        history->estimator_variance[k] = variance * pow(vanishing, -ago);
        history->variance[k] = 2 * variance;
        history->slope[k] = k == 0 || dice_one_in(dice, 40) ? NAN : slope + rough * dice_normal(dice);
        history->expected[k] = k == 0 ? NAN : fabs(slope) + rough * fabs(dice_normal(dice));
        history->gradient_norm[k] = history->acceptance[k] = history->learning_rate[k] = 0.1;
    }
}

static void make_training(struct dice *dice, struct made *made)
{
    struct training *training = &made->run.training;
    struct settings_optimizer *optimizer = &made->settings.optimizer;
    const size_t n = dice_one_in(dice, 4) ? 1 + dice_below(dice, 60) : 1 + dice_below(dice, ITERATIONS);
    const size_t left = dice_below(dice, 5) * dice_below(dice, 60);
    make_history(dice, &made->run.history, n);
    optimizer->iterations = n + left < ITERATIONS ? n + left : ITERATIONS;
    optimizer->stop = dice_one_in(dice, 4) ? STOP_NEVER : STOP_PLATEAU;
    optimizer->starts = dice_one_in(dice, 2) ? PARAM_COUNT_AUTO : 1 + dice_below(dice, 3);
    optimizer->stages = !dice_one_in(dice, 4);
    training->window = (size_t)DICE_VALUE(dice, 12, 12, 12, 60, 1, 3);
    training->since = dice_one_in(dice, 2) ? 0 : dice_below(dice, n);
    if (dice_one_in(dice, 4) && n >= 2 * training->window)
        training->since = n - 2 * training->window + dice_below(dice, 2);
    training->refined = dice_below(dice, 2);
    training->longest = DICE_VALUE(dice, 1, 1, 0.5);
    training->shortened = DICE_VALUE(dice, 1, 0.7, 0.4);
    training->damping = DICE_VALUE(dice, 1, 3);
    training->averaged = training->window - 2 + dice_below(dice, 4);
    training->start = dice_below(dice, 5);
    training->best_start = dice_below(dice, 3);
    training->stage = dice_below(dice, FACTOR_STAGES);
    training->draws = 1 + dice_below(dice, 4);
    training->fresh = dice_below(dice, 3);
    training->gain = training->gain_error = -1;
    training->over = training->converged = false;
    made->run.metric.room = dice_one_in(dice, 5) ? 0 : 512;
    made->run.metric.stage = training->stage;
    made->run.hopeless = dice_one_in(dice, 20);
    training->bad = dice_below(dice, 9);
    training->steps_back = dice_below(dice, 9);
    made->run.measured.sums.bad = (double)dice_below(dice, 9);
    made->run.measured.sums.divergent = (double)dice_below(dice, 9);
    made->run.pace = (struct pace){ .n = dice_below(dice, 3) };
}

struct answers {
    uint64_t bits;
    struct tally_fold fold;
};
static void answer(struct answers *answers, bool yes) { answers->bits = (answers->bits ^ yes) * 1099511628211u + yes; }

static void ask_course(struct dice *dice, const struct run *run, struct answers *answers)
{
    const struct history *history = &run->history;
    const size_t window = run->training.window, since = run->training.since;
    const struct trust_gain gain = trust_gain(history, window, since);
    const struct course_fall fall = course_fall(history, window, since);
    const double last = history->energy[history->n - 1], part = DICE_VALUE(dice, 1.5e-4, 1e-3, 1e-6);
    answer(answers, window > 1 && course_on_plateau(history, window, since));
    answer(answers, course_gains_little(history, &gain));
    answer(answers, course_falls_little(history, &fall, part));
    answer(answers, course_falls_on(history, &fall, part));
    answer(answers, course_hides_fall(history, &fall, part));
    answer(answers, course_vanishes(history, since));
    answer(answers, course_is_quiet(history));
    answer(answers, course_is_exact(history));
    answer(answers, course_swings(history, since));
    answer(answers, trust_overshoots(history, since));
    answer(answers, course_exploded(history, last + size(dice, 1e-6, 10) * fabs(last),
                                    size(dice, 1, 100) * history->estimator_variance[history->n - 1]));
    tally_fold(&answers->fold, gain.mean);
    tally_fold(&answers->fold, gain.error);
    tally_fold(&answers->fold, (double)gain.n);
    tally_fold(&answers->fold, fall.gain);
    tally_fold(&answers->fold, fall.error);
    tally_fold(&answers->fold, (double)fall.n);
    tally_fold(&answers->fold, course_rate(&run->settings->optimizer, 0.3, history->n));
}

static void ask_training(struct run *run, struct answers *answers, bool settled)
{
    answer(answers, starts_short(run));
    answer(answers, starts_long(run));
    answer(answers, starts_were_long(run));
    answer(answers, starts_over(run, settled));
    answer(answers, stages_at_last(run));
    answer(answers, revive_applies(run));
    answer(answers, revive_watches(run));
    answer(answers, settle_is_due(run, settled));
    answer(answers, settle_may_revive(run, settled));
    tally_fold(&answers->fold, (double)starts_wanted(run));
    tally_fold(&answers->fold, (double)starts_iterations_most(run));
    tally_fold(&answers->fold, settle_revives_below(run, settled));
    tally_fold(&answers->fold, train_time_most(run, 3, 0.5, run->history.n));
    tally_fold(&answers->fold, trust_slope(run));
    const char *const words[] = { stages_name(run), run_stop_reason(run), run_training_end(run) };
    for (size_t k = 0; k < sizeof words / sizeof *words; k++)
        answers->bits ^= recorded_number(words[k] ? words[k] : "-") >> k;
}

static void fold_training(struct run *run, struct answers *answers)
{
    for (const struct kept_number *number = kept_numbers; number->name; number++)
        tally_fold(&answers->fold, kept_number_get(run, number));
    tally_fold(&answers->fold, (double)run->metric.stage);
    tally_fold(&answers->fold, (double)run->training.window);
}

static void ask(struct dice *dice, struct made *made, struct answers *answers)
{
    struct run *run = &made->run;
    const struct training before = run->training;
    ask_course(dice, run, answers);
    const bool settled = settle_nothing_left(run);
    answer(answers, settled);
    fold_training(run, answers);
    ask_training(run, answers, settled);
    ask_training(run, answers, !settled);
    answer(answers, settle_is_over(run, settled));
    fold_training(run, answers);
    run->training = before;
    answer(answers, settle_is_over(run, !settled));
    fold_training(run, answers);
    run->training = before;
    answer(answers, settle_converged(run));
    run->training = before;
    if (!stages_at_last(run)) {
        settle_leave_stage(run, settled);
        fold_training(run, answers);
        run->training = before;
        settle_leave_stage(run, !settled);
        fold_training(run, answers);
    }
    run->training = before;
    run_account(run);
    const double figures[] = {
        run->result->n_bad,      run->result->n_bad_training,    run->result->divergences,
        run->result->steps_back, run->result->training_gain,     run->result->training_gain_error,
        run->result->converged,  run->result->iterations,        run->result->step,
        run->result->wall_time,  run->result->training_cpu_time, run->result->measuring_cpu_time
    };
    for (size_t k = 0; k < sizeof figures / sizeof *figures; k++)
        tally_fold(&answers->fold, figures[k]);
}

static void say_answers(FILE *out, const struct answers *answers)
{
    fprintf(out, " %08" PRIx64, answers->bits >> 32);
    tally_folded(out, &answers->fold);
    fputc('\n', out);
}

static void say_trainings(FILE *out, size_t which)
{
    static struct made made;
    make(&made, systems[which]);
    for (size_t first = 0; first < CASES; first += TOGETHER) {
        struct answers answers = { 0 };
        for (size_t c = first; c < first + TOGETHER; c++) {
            struct dice dice = dice_begin(1000 * which + c);
            make_training(&dice, &made);
            ask(&dice, &made, &answers);
        }
        fprintf(out, "training %zu %zu", which, first);
        say_answers(out, &answers);
    }
    made.run.metric.room = 0;
    unmake(&made);
}

// A short start that is over: the next one begins, or the best goes on.
static void say_starts(FILE *out, size_t which)
{
    static struct made made;
    struct error error = { 0 };
    struct dice dice = dice_begin(7 + which);
    make(&made, systems[which]);
    struct run *run = &made.run;
    made.settings.optimizer.starts = 4;
    run->training.window = 12;
    run->stage = STAGE_TRAINING;
    starts_reset(run);
    for (size_t start = 0; start < 4; start++) {
        struct answers answers = { 0 };
        make_history(&dice, &run->history, 5 + dice_below(&dice, 20));
        run->training.damping = 1 + dice_uniform(&dice);
        memcpy(run->good_theta, run->theta, run->ensemble.wavefunction.n_parameters * sizeof *run->theta);
        answer(&answers, starts_next(run, &error));
        fold_training(run, &answers);
        tally_fold_array(&answers.fold, run->ensemble.wavefunction.n_parameters, run->theta);
        tally_fold_array(&answers.fold, run->ensemble.wavefunction.n_parameters, run->best_theta);
        fprintf(out, "start %zu %zu", which, start);
        say_answers(out, &answers);
    }
    for (size_t start = 0; start < 9; start++) {
        struct answers answers = { 0 };
        answer(&answers, starting_point_find(run, start, run->theta));
        tally_fold_array(&answers.fold, run->ensemble.wavefunction.n_parameters, run->theta);
        fprintf(out, "begins %zu %zu", which, start);
        say_answers(out, &answers);
    }
    error_clear(&error);
    unmake(&made);
}

static void say_sizes(FILE *out)
{
    static const size_t parameters[] = { 0, 1, 5, 62, 63, 64, 100, 340, 341, 342, 700, 1364, 1365, 1366, 5000 },
                        walkers[] = { 32, 64, 1024, 4096 }, samples[] = { 32, 64, 2047, 2048, 2049, 8192, 100000 };
    for (size_t p = 0; p < sizeof parameters / sizeof *parameters; p++) {
        struct answers answers = { 0 };
        for (size_t w = 0; w < sizeof walkers / sizeof *walkers; w++)
            for (size_t s = 0; s < sizeof samples / sizeof *samples; s++) {
                const size_t room = metric_size_room(parameters[p], walkers[w], samples[s]);
                tally_fold(&answers.fold, (double)room);
                for (size_t draws = 1; draws < 2000; draws = 1 + 3 * draws)
                    tally_fold(&answers.fold, (double)metric_size_every(parameters[p], walkers[w], draws, room));
            }
        fprintf(out, "size %zu", parameters[p]);
        say_answers(out, &answers);
    }
}

// How many iterations are early, and late, with so many directions.
static void say_patience(FILE *out)
{
    for (size_t d = 0; d < 3000; d += 1 + d / 9) {
        size_t early[4] = { 0 }, late[2] = { 0 }, hasty[2] = { 0 };
        for (size_t done = 0; done < 600; done++) {
            for (size_t k = 0; k < 4; k++)
                early[k] += course_is_early(d, k & 1, done, k & 2);
            for (size_t k = 0; k < 2; k++) {
                late[k] += course_is_late(d, k, 600, done);
                hasty[k] += course_is_late(d, k, done, 20);
            }
        }
        fprintf(out, "patience %zu %zu %zu %zu %zu %zu %zu %zu %zu\n", d, early[0], early[1], early[2], early[3],
                late[0], late[1], hasty[0], hasty[1]);
    }
}

// ---- control variates

// Moments of normal numbers that hang together, some functions worth more than others.
static void make_moments(struct dice *dice, size_t variables, double *moments)
{
    enum { SAMPLES = 90 };
    double z[CONTROLS_MOST + CONTROLLED_QUANTITIES + 1], scale[CONTROLS_MOST + CONTROLLED_QUANTITIES + 1];
    for (size_t i = 0; i < variables; i++)
        scale[i] = size(dice, 1e-2, 3);
    memset(moments, 0, variables * (variables + 1) / 2 * sizeof *moments);
    for (size_t s = 0; s < SAMPLES; s++) {
        const double common = dice_normal(dice);
        for (size_t i = 0; i < variables; i++)
            z[i] = i == 0 ? 1 : scale[i] * (dice_normal(dice) + common) + (double)(i % 3);
        for (size_t i = 0, k = 0; i < variables; i++)
            for (size_t j = 0; j <= i; j++)
                moments[k++] += z[i] * z[j];
    }
}

static void say_worth(FILE *out, size_t which)
{
    static struct made made;
    struct answers answers = { 0 };
    static double
        moments[(CONTROLS_MOST + CONTROLLED_QUANTITIES + 1) * (CONTROLS_MOST + CONTROLLED_QUANTITIES + 2) / 2];
    make(&made, systems[which]);
    struct ensemble *ensemble = &made.run.ensemble;
    struct dice dice = dice_begin(90 + which);
    const double bound = 1 / (1 + worth_gradient_cost(ensemble));
    answer(&answers, worth_all(ensemble));
    answer(&answers, worth_all_of_gradient(ensemble));
    tally_fold(&answers.fold, worth_pairs_cost(ensemble));
    tally_fold(&answers.fold, worth_gradient_cost(ensemble));
    for (int k = -2; k < 3; k++)
        answer(&answers, worth_gradient(ensemble, bound * (1 + 1e-3 * k)));
    for (size_t c = 0; c < 40 && ensemble->controls.n_functions > 0; c++) {
        const size_t variables = 1 + ensemble->controls.n_functions + CONTROLLED_QUANTITIES;
        make_moments(&dice, variables, moments);
        ensemble->without_pairs = false;
        answer(&answers, controls_fit(&ensemble->controls, moments));
        worth_choose(ensemble, moments);
        answer(&answers, ensemble->without_pairs);
        answer(&answers, worth_dropped(ensemble));
        answer(&answers, worth_all_of_gradient(ensemble));
        tally_fold(&answers.fold, (double)worth_in_use(ensemble).n_functions);
        tally_fold_array(&answers.fold, ensemble->controls.n_functions, ensemble->controls.total);
        for (size_t q = 0; q < CONTROLLED_QUANTITIES; q++)
            tally_fold_array(&answers.fold, ensemble->controls.n_functions, ensemble->controls.coefficient[q]);
    }
    // a fixed function that only one of the energies has
    for (size_t k = 0; k < ensemble->controls.n_functions; k++)
        for (size_t q = 0; q <= CONTROLLED_QUANTITIES; q++) {
            for (size_t all = 0; all < CONTROLLED_QUANTITIES; all++)
                memset(ensemble->controls.coefficient[all], 0,
                       ensemble->controls.n_functions * sizeof *ensemble->controls.coefficient[all]);
            if (q < CONTROLLED_QUANTITIES)
                ensemble->controls.coefficient[q][k] = -0.3;
            ensemble->controls.is_fixed[k] = (k + q) % 5 > 0;
            answer(&answers, worth_all(ensemble));
            answer(&answers, worth_all_of_gradient(ensemble));
        }
    fprintf(out, "worth %zu", which);
    say_answers(out, &answers);
    unmake(&made);
}

// ---- walkers without a finite energy

struct look {
    struct tally_fold *fold;
};

static void see(const struct ensemble_draw *draw, void *context)
{
    struct look *look = context;
    tally_fold(look->fold, (double)draw->bad);
    tally_fold_array(look->fold, ENERGY_ROWS * WALKERS, draw->energy);
    tally_fold_array(look->fold, WALKERS, draw->controlled);
}

// One walker of the first block, all of the second, two of the third; they never move.
static void say_bad_walkers(FILE *out, size_t which)
{
    static struct made made;
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "%s sampler.walkers=320 sampler.jumps=no", systems[which]);
    make(&made, text);
    struct ensemble *ensemble = &made.run.ensemble;
    const size_t n = ensemble->wavefunction.n_parameters;
    const unsigned whats[] = { 0, PASS_CONTROLS, PASS_GRADIENT | PASS_CONTROLS,
                               PASS_GRADIENT | PASS_CONTROLS | PASS_OTHER, PASS_GRADIENT };
    for (size_t w = 0; w < WALKERS; w++)
        for (size_t b = 0; b < 3; b++)
            if ((b == 0 && w == 5) || b == 1 || (b == 2 && w % 16 == 3))
                ensemble->block[b].current[w] = NAN;
    ensemble_take(ensemble, made.run.theta);
    for (size_t k = 0; k < 2 * sizeof whats / sizeof *whats; k++) {
        const unsigned what = whats[k / 2];
        struct answers answers = { 0 };
        struct look look = { &answers.fold };
        struct ensemble_sums sums;
        ensemble_pass(ensemble, 3, what, see, &look, &sums);
        tally_fold_array(&answers.fold, sizeof sums / sizeof(double), (const double *)&sums);
        if (what & PASS_GRADIENT) {
            ensemble_gradient(ensemble, sums.samples, made.run.gradient);
            tally_fold_array(&answers.fold, n, made.run.gradient);
        }
        if (what & PASS_OTHER)
            ensemble_choose_gradient(ensemble);
        if (what & PASS_CONTROLS) {
            answer(&answers, (k & 1) ? ensemble_fit(ensemble) : (ensemble_fit_for_good(ensemble), true));
            tally_fold_array(&answers.fold, ensemble->controls.n_functions, ensemble->controls.total);
        }
        answer(&answers, ensemble->plain_gradient);
        answer(&answers, ensemble->without_pairs);
        ensemble->plain_gradient = k % 3 == 1;
        fprintf(out, "bad %zu %zu", which, k);
        say_answers(out, &answers);
    }
    unmake(&made);
}

// One walker in so many is lost, with its derivatives, or has its particles close together, and only no energy. Steps
// cannot be tried, and training gives up.
static void no_energy_when_close(const void *state, size_t n, const double *r2, const double *inverse, double *out)
{
    (void)state;
    for (size_t k = 0; k < n * WALKERS; k++)
        out[k] = r2[k] < 1e-8 ? INFINITY : inverse[k];
}

static void lose_walker(struct ensemble *ensemble, bool close, struct interaction_type *type)
{
    double *const x = ensemble->block[0].current;
    for (size_t i = 0; i < ensemble->wavefunction.n_coordinates; i++)
        x[i * WALKERS + 3] = close ? 0.5 + 1e-6 * (double)i : i == 0 ? NAN : x[i * WALKERS + 3];
    if (close) {
        *type = *ensemble->hamiltonian.type;
        type->pair_energy = no_energy_when_close;
        type->add_energies = NULL;
        ensemble->hamiltonian.type = type;
    }
}

static void say_bad_training(FILE *out, bool close)
{
    static const char *const walkers[] = { "32", "64", "96", "128", "160" };
    for (size_t k = 0; k < sizeof walkers / sizeof *walkers; k++) {
        static struct made made;
        struct interaction_type type;
        struct answers answers = { 0 };
        struct error error = { 0 };
        char text[TEXT_SIZE];
        snprintf(text, sizeof text,
                 "%s optimizer.samples=640 optimizer.starts=1 sampler.method=metropolis sampler.step=1e-30 "
                 "sampler.walkers=%s",
                 systems[0], walkers[k]);
        make(&made, text);
        made.settings.optimizer.iterations = 3;
        lose_walker(&made.run.ensemble, close, &type);
        ensemble_take(&made.run.ensemble, made.run.theta);
        run_stop_prepare(&made.run);
        answer(&answers, run_train(&made.run, &error));
        fold_training(&made.run, &answers);
        tally_fold_array(&answers.fold, made.run.history.n, made.run.history.energy);
        fprintf(out, "bad training %s %d", walkers[k], (int)error.kind);
        tally_text(out, error.text ? error.text : "");
        say_answers(out, &answers);
        error_clear(&error);
        unmake(&made);
    }
}

// Steps of plain gradients that are too long, shortened until they are not, given up, or cut.
static long looks;

static enum run_wish stop_after_looks(void *context)
{
    (void)context;
    return looks > 0 && --looks == 0 ? RUN_STOP_NOW : RUN_GO_ON;
}

static void say_steep(FILE *out)
{
    static const char *const rates[] = { "3", "1e3", "1e100", "1e308" };
    static const long cuts[] = { 0, 5, 12, 20, 33, 47, 70, 110, 160 };
    for (size_t k = 0; k < sizeof rates / sizeof *rates; k++)
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
            static struct made made;
            struct answers answers = { 0 };
            struct error error = { 0 };
            char text[TEXT_SIZE];
            snprintf(text, sizeof text, "%s optimizer.starts=1 optimizer.learning_rate=%s", systems[11], rates[k]);
            make(&made, text);
            made.settings.optimizer.iterations = 4;
            made.options.wish = stop_after_looks;
            ensemble_take(&made.run.ensemble, made.run.theta);
            run_stop_prepare(&made.run);
            looks = cuts[c];
            answer(&answers, run_train(&made.run, &error));
            answer(&answers, made.run.ensemble.was_cut);
            fold_training(&made.run, &answers);
            tally_fold_array(&answers.fold, made.run.history.n, made.run.history.energy);
            tally_fold_array(&answers.fold, made.run.ensemble.wavefunction.n_parameters, made.run.theta);
            fprintf(out, "steep %s %ld %ld %d", rates[k], cuts[c], looks, (int)error.kind);
            tally_text(out, error.text ? error.text : "");
            say_answers(out, &answers);
            error_clear(&error);
            unmake(&made);
        }
}

// ---- results of series

static void make_measured(struct dice *dice, struct made *made)
{
    struct measured *measured = &made->run.measured;
    const double apart = DICE_VALUE(dice, 0, 0, 0.3, 5), wild = DICE_VALUE(dice, 0, 0.05, 0.4);
    measured->block = (size_t)DICE_VALUE(dice, 1, 1, 2, 8);
    measured->draws = 2 + dice_below(dice, measured->capacity - 2);
    for (size_t k = 0; k < SERIES; k++)
        for (size_t b = 0; b < made->run.ensemble.n_blocks; b++)
            for (size_t t = 0; t < measured->draws; t++)
                for (size_t w = 0; w < WALKERS; w++)
                    measured->values[k][(b * measured->capacity + t) * WALKERS + w] = 2 + (double)k +
                                                                                      wild * dice_normal(dice) +
                                                                                      apart * (double)(w % 3);
    struct ensemble_sums *sums = &measured->sums;
    *sums = (struct ensemble_sums){ .samples = (double)(64 * measured->draws * measured->block) };
    const double n = sums->samples, part = DICE_VALUE(dice, 0, 0.0099, 0.01, 0.0101);
    sums->bad = floor(part * n);
    sums->moves = 3 * n;
    sums->accepted = dice_uniform(dice) * sums->moves;
    sums->energy = 0.1 * n;
    sums->energy2 = (0.01 + wild * wild) * n;
    sums->local = 0.2 * n;
    sums->local2 = (0.04 + 2 * wild) * n;
    sums->walker2 = 0.02 * n;
    sums->swapped[0] = dice_uniform(dice) * n;
}

static void say_series(FILE *out, size_t which)
{
    static struct made made;
    make(&made, systems[which]);
    struct run *run = &made.run;
    run->stage = STAGE_MEASURING;
    for (size_t c = 0; c < SERIES_CASES; c++) {
        struct dice dice = dice_begin(50 * which + c);
        struct answers answers = { 0 };
        struct error error = { 0 };
        run_clear(&made.result);
        make_measured(&dice, &made);
        answer(&answers, run_conclude(run, &error));
        for (const struct run_result_row *row = run_result_rows; row->name; row++)
            if (strcmp(row->name, "r_hat") != 0)
                tally_fold(&answers.fold, *kept_result_at(&made.result, row->offset));
        answer(&answers, made.result.plateau);
        if (c % 4 == 0 && run->measured.draws >= 2) {
            run->measured.room = run->measured.draws / 2 * 2;
            series_halve(run);
            run->measured.room = run->measured.capacity;
            tally_fold_array(&answers.fold, run->measured.draws * WALKERS, run->measured.values[0]);
        }
        answers.bits ^= recorded_number(error.text ? error.text : "");
        fprintf(out, "series %zu %zu", which, c);
        say_answers(out, &answers);
        error_clear(&error);
    }
    unmake(&made);
}

// ---- energies in closed form: where they are looked at beside samples, and how many descents they are worth

static void say_known(FILE *out, size_t particles, size_t hidden)
{
    static struct made made;
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "system.particles=%zu system.interaction=%s rbm.hidden=%zu", particles,
             particles > 1 ? "coulomb" : "none", hidden);
    make(&made, text);
    struct run *run = &made.run;
    struct referee *referee = referee_create(&run->ensemble.wavefunction, &run->ensemble.hamiltonian, NULL);
    const size_t pairs = particles > 1 ? particles * (particles - 1) / 2 : 1;
    const double enough = referee ? referee_work(referee) * (double)pairs / 10 : 1,
                 samples[] = { nextafter(enough, 0), enough, 4 * enough, 1e9 };
    referee_destroy(referee);
    fprintf(out, "known %zu %zu", particles, hidden);
    tally_number(out, enough);
    for (size_t k = 0; k < sizeof samples / sizeof *samples; k++) {
        struct dice dice = dice_begin(k);
        const struct run_judgement *judgement = &made.result.judgement;
        run->stage = STAGE_MEASURING;
        make_measured(&dice, &made);
        run_clear(&made.result);
        made.result.n_samples = samples[k];
        made.result.energy = 100;
        made.result.energy_error = 0.01;
        run_judge_measured(run);
        for (size_t f = 0; f < judgement->n; f++)
            tally_text(out, judgement->finding[f].what);
    }
    fputc('\n', out);
    unmake(&made);
}

// Each look at the clock takes the same time, so that seconds count descents and their iterations.
static void say_descents(FILE *out, size_t hidden, const char *kind)
{
    static const size_t iterations[] = { 10, 999, 1000, 1001 };
    static struct made made;
    char text[TEXT_SIZE];
    snprintf(text, sizeof text, "system.particles=2 rbm.hidden=%zu optimizer.method=exact %s", hidden, kind);
    make(&made, text);
    fprintf(out, "descents %zu", hidden);
    for (size_t k = 0; k < sizeof iterations / sizeof *iterations; k++) {
        made.settings.optimizer.iterations = iterations[k];
        tally_number(out, train_exact_seconds(&made.run));
    }
    fputc('\n', out);
    unmake(&made);
}

static void say_closed_forms(FILE *out)
{
    static const char *const kinds[] = {
        "system.omega=1", "system.omega=1,1.3 rbm.sigma=1,0.9 rbm.train_sigma=yes", "system.dimensions=3",
        "rbm.representation=probability",
        "rbm.representation=probability system.omega=1,1.3 rbm.sigma=1,0.9 rbm.train_sigma=yes"
    };
    for (size_t particles = 1; particles <= 4; particles++)
        for (size_t hidden = 0; hidden < 7; hidden++)
            say_known(out, particles, hidden);
    say_known(out, 2, 11);
    say_known(out, 12, 11);  // too much for any number of samples
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t hidden = 0; hidden < (k < 3 ? 8 : 11); hidden++)
            say_descents(out, hidden, kinds[k]);
}

// ---- where histograms end: as far as walkers were seen, and where nobody looked, as far as they are

static void say_reach(FILE *out, size_t which)
{
    for (int seen = 0; seen < 2; seen++) {
        static struct made made;
        struct answers answers = { 0 };
        char text[TEXT_SIZE];
        snprintf(text, sizeof text, "%s observables.kinds=density-radial,distances", systems[which]);
        make(&made, text);
        struct measured *measured = &made.run.measured;
        ensemble_take(&made.run.ensemble, made.run.theta);
        measured->was_seen = seen;
        for (size_t g = 0; g < made.run.ensemble.n_groups && seen; g++)
            for (size_t k = 0; k < EXTENTS; k++)
                measured->seen[g].reach[k] = 1 + 0.1 * (double)((7 * g + 3 * k) % 5);
        series_reach(&made.run);
        tally_fold_array(&answers.fold, EXTENTS, measured->observables.extent.reach);
        // once found they stay, however small they are
        for (size_t k = 0; k < EXTENTS; k++)
            measured->observables.extent.reach[k] = 1e-3;
        series_reach(&made.run);
        tally_fold_array(&answers.fold, EXTENTS, measured->observables.extent.reach);
        fprintf(out, "reach %zu %d", which, seen);
        say_answers(out, &answers);
        unmake(&made);
    }
}

// ---- what is said of wave functions that do not fit their forces or samplers

static void keep_note(const char *text, void *context)
{
    *(uint64_t *)context = 31 * *(uint64_t *)context + recorded_number(text);
}

static void say_notes(FILE *out)
{
    static const char *const texts[] = {
        "system.particles=3 system.dimensions=1 system.statistics=fermions system.spin_up=3 "
        "wavefunction.factors=slater,rbm wavefunction.allow_unsymmetric=yes",
        "system.particles=3 system.dimensions=1 wavefunction.factors=rbm,power power.mu=0.7",
        "system.particles=3 system.dimensions=1 wavefunction.factors=rbm,power power.mu=1.5",
        "system.particles=1 system.dimensions=1 wavefunction.factors=rbm",
        "system.particles=2 system.dimensions=1 wavefunction.factors=rbm,hard-core hard-core.diameter=0.2",
        "system.particles=2 system.dimensions=3 wavefunction.factors=rbm,hard-core hard-core.diameter=0.2",
        "system.particles=2 system.dimensions=2 wavefunction.factors=gaussian,hard-core,pade-jastrow "
        "hard-core.diameter=0.2 pade-jastrow.cusp=0.4",
        "system.particles=4 system.dimensions=2 system.statistics=fermions system.spin_up=1 "
        "wavefunction.factors=slater,hard-core hard-core.diameter=0.2",
        "system.particles=2 system.dimensions=2 wavefunction.factors=gaussian,power,hard-core power.mu=1 "
        "hard-core.diameter=0.2",
        "system.particles=3 system.interaction=coulomb wavefunction.factors=gaussian,pade-jastrow "
        "pade-jastrow.cusp=0.4",
        "system.particles=4 system.spin_up=3 system.interaction=coulomb system.statistics=fermions "
        "wavefunction.factors=slater,pade-jastrow pade-jastrow.cusp=0.4",
        "system.particles=3 system.dimensions=3 system.interaction=coulomb wavefunction.factors=gaussian,power "
        "power.mu=0.5",
    };
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        static struct made made;
        uint64_t words = 0;
        struct factor_traits traits;
        make(&made, texts[k]);
        const struct ensemble *ensemble = &made.run.ensemble;
        compatibility_note(&ensemble->hamiltonian, &ensemble->wavefunction, keep_note, &words);
        for (size_t s = 0; sampler_type_at(s); s++)
            compatibility_note_sampler(sampler_type_at(s), &ensemble->wavefunction, keep_note, &words);
        wavefunction_traits(&ensemble->wavefunction, &traits);
        fprintf(out, "notes %zu %08" PRIx64 " %d\n", k, words >> 32, traits.has_nodes);
        unmake(&made);
    }
}

// ---- what is refused: products with the wrong symmetry, or that do not fit the force where two particles meet

static void say_built(FILE *out, const char *text)
{
    struct config config = { 0 };
    struct settings settings;
    struct ensemble ensemble;
    struct error error = { 0 };
    bool good = false;
    set_all(&config, "sampler.walkers=32 observables.kinds=one-body measure.samples=32");
    set_all(&config, text);
    if (settings_build(&settings, &config, &error, NULL)) {
        good = ensemble_build(&ensemble, &settings, 1, &error);
        if (good)
            ensemble_finish(&ensemble);
        settings_finish(&settings);
    }
    fprintf(out, "built %d %d", good, (int)error.kind);
    tally_text(out, error.text ? error.text : "");
    fputc('\n', out);
    error_clear(&error);
    config_finish(&config);
}

static void say_symmetries(FILE *out)
{
    static const char *const factors[] = {
        "gaussian",
        "rbm",
        "slater",
        "slater,rbm",
        "slater,rbm rbm.sharing=environment",
        "slater,rbm wavefunction.allow_unsymmetric=yes",
        "slater,pade-jastrow slater.backflow=exponential",
    };
    char text[TEXT_SIZE];
    for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
        for (size_t particles = 1; particles <= 4; particles++)
            for (size_t up = 0; up <= particles; up++) {
                snprintf(text, sizeof text,
                         "system.dimensions=1 system.particles=%zu system.spin_up=%zu system.statistics=%s "
                         "wavefunction.factors=%s",
                         particles, up, up < particles || f % 2 ? "fermions" : "bosons", factors[f]);
                say_built(out, text);
            }
}

static void say_contacts(FILE *out)
{
    static const char *const factors[] = { "gaussian",
                                           "gaussian,power power.mu=1",
                                           "gaussian,power power.mu=2",
                                           "gaussian,power power.mu=2.000001",
                                           "gaussian,hard-core hard-core.diameter=0.3",
                                           "gaussian,hard-core hard-core.diameter=0.29" },
                             *const forces[] = { "coulomb",
                                                 "soft-coulomb",
                                                 "gaussian",
                                                 "harmonic",
                                                 "inverse-square interaction.lambda=2",
                                                 "hard-sphere interaction.diameter=0.3" };
    char text[TEXT_SIZE];
    for (size_t dimensions = 1; dimensions <= 3; dimensions++)
        for (size_t f = 0; f < sizeof factors / sizeof *factors; f++)
            for (size_t k = 0; k < sizeof forces / sizeof *forces; k++)
                for (size_t particles = 1; particles <= 2; particles++) {
                    snprintf(text, sizeof text,
                             "system.dimensions=%zu system.particles=%zu wavefunction.factors=%s system.interaction=%s",
                             dimensions, particles, factors[f], forces[k]);
                    say_built(out, text);
                }
}

// ---- when to save and stop

static enum run_wish go_on(void *context)
{
    (void)context;
    return RUN_GO_ON;
}

static void say_stops(FILE *out)
{
    static struct made made;
    static const double most[] = { 0, 0.05, 0.4, 0.9, 1.3, 3 };
    make(&made, systems[0]);
    struct run *run = &made.run;
    made.options.wish = go_on;
    for (size_t m = 0; m < sizeof most / sizeof *most; m++)
        for (size_t longest = 0; longest < 3; longest++) {
            struct answers answers = { 0 };
            struct error error = { 0 };
            clock_begin(0.012);
            made.options.max_time = most[m];
            run->wall_start = run_wall();
            run->measured.draws = 40 * longest * longest;
            run_stop_prepare(run);
            run->stop.publishing = 0.3 * (double)longest;
            for (size_t k = 0; k < 60; k++) {
                const double before = run->stop.saved;
                answer(&answers, run_boundary(run, &error));
                answer(&answers, run->stop.saved > before);
                answer(&answers, run->ensemble.cut(run->ensemble.cut_context));
                tally_fold(&answers.fold, run->stop.deadline);
                tally_fold(&answers.fold, run->stop.asked);
            }
            fprintf(out, "stop %g %zu", most[m], longest);
            say_answers(out, &answers);
            error_clear(&error);
        }
    unmake(&made);
}

// ---- an error that is longer than what processes tell one another: to the second of two, after the first

struct tape {
    char bytes[3 * TEXT_SIZE + 2000];
    struct team team;
};

static void play(void *context, size_t root, void *bytes, size_t bytes_size)
{
    struct tape *tape = context;
    (void)root;
    if (bytes_size <= sizeof tape->bytes)
        memcpy(tape->team.rank == 0 ? tape->bytes : bytes, tape->team.rank == 0 ? bytes : tape->bytes, bytes_size);
}

static void add_failures(void *context, uint64_t *values, size_t n)
{
    (void)context;
    for (size_t k = 0; k < n; k++)
        values[k] += 1;  // of the other one
}

static void say_long_errors(FILE *out)
{
    static struct tape tape;
    static const size_t lengths[] = { 10, 4000, 4095, 4096, 4500 };
    for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
        for (size_t rank = 0; rank < 2; rank++) {
            char text[4501];
            struct error error = { 0 };
            tape.team = (struct team){ .rank = rank, .ranks = 2, .context = &tape, .share = play, .sum = add_failures };
            memset(text, 'x', sizeof text);
            text[lengths[k]] = '\0';
            if (rank == 0)
                error_add(&error, ERROR_WRITE, "%s", text);
            const bool good = team_agree(&tape.team, rank == 1, &error);
            fprintf(out, "long %zu %zu %d %d %zu\n", lengths[k], rank, good, (int)error.kind,
                    error.text ? strlen(error.text) : 0);
            error_clear(&error);
        }
}

// ---- how much memory is foreseen: what there is now, the series, and a copy of them with a file; 15 MB less at the
// least, and 60 MB more at the most

static void say_memory(FILE *out)
{
    enum { SERIES_BYTES = SERIES * 8 * 2000000 };
    const struct run_options options = { .threads = 1 };
    struct settings settings;
    struct run_estimate estimate;
    struct error error = { 0 };
    double pages = 0;
    configure(&settings,
              "system.particles=2 measure.samples=2000000 measure.series_values=2000000 optimizer.iterations=0");
    const bool good = run_check(&settings, &options, &estimate, &error);
    FILE *file = fopen("/proc/self/statm", "r");
    const bool known = file && fscanf(file, "%*s %lf", &pages) == 1;
    if (file)
        fclose(file);
    const double expected = pages * (double)sysconf(_SC_PAGESIZE) + 2.0 * SERIES_BYTES + estimate.file_size;
    const double more = estimate.memory - expected;
    fprintf(out, "memory %d %d\n", good, !known || (more > -1.5e7 && more < 6e7));
    error_clear(&error);
    settings_finish(&settings);
}

// ---- more than there is memory for: what is said; addresses are bounded in a process of its own

#ifndef __SANITIZE_ADDRESS__  // which has its memory where no bound is near
static void ask_for_much(FILE *out, const char *text)
{
    struct config config = { 0 };
    struct settings settings;
    struct error error = { 0 };
    struct run_result result;
    const struct run_options options = { .threads = 1 };
    set_all(&config, "system.dimensions=2 system.particles=2 system.interaction=coulomb sampler.walkers=32 "
                     "measure.samples=64 optimizer.iterations=1");
    set_all(&config, text);
    const bool good = settings_build(&settings, &config, &error, NULL) &&
                      run_execute(&settings, &options, &result, &error);
    fprintf(out, "much %d %d %s\n", good, (int)error.kind, error.text ? error.text : "");
}

static void say_much(FILE *out)
{
    static const char *const texts[] = {
        "sampler.walkers=16777216",
        "measure.samples=1e9 measure.series_values=100000000 sampler.walkers=3200",
        "measure.positions=100000000",
        "optimizer.iterations=1000000000",
        "optimizer.samples=1000000000 rbm.hidden=5000",
    };
    char line[TEXT_SIZE];
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        FILE *said = tmpfile();
        fflush(NULL);
        const pid_t child = fork();
        if (child == 0) {
            setrlimit(RLIMIT_AS, &(struct rlimit){ 600000000, 600000000 });
            ask_for_much(said, texts[k]);
            fflush(said);
            _exit(0);
        }
        waitpid(child, NULL, 0);
        rewind(said);
        while (fgets(line, sizeof line, said))
            fputs(line, out);
        fclose(said);
    }
}
#else
static void say_much(FILE *out) { (void)out; }
#endif

int main(int argc, char **argv)
{
    char *now = NULL;
    size_t length = 0;
    if (argc < 2)
        return 2;
    const bool shows = strcmp(argv[1], "--show") == 0;
    if (!shows && strcmp(level_name(), "x86-64") == 0) {
        puts("skipped: recorded with fused multiply-add, which this level does not have");
        return 77;
    }
    clock_begin(1e-3);
    FILE *out = open_memstream(&now, &length);
    say_sizes(out);
    say_patience(out);
    for (size_t which = 0; which < SYSTEMS; which++) {
        say_trainings(out, which);
        say_starts(out, which);
        say_worth(out, which);
        say_bad_walkers(out, which);
        say_series(out, which);
        say_reach(out, which);
    }
    say_bad_training(out, false);
    say_bad_training(out, true);
    say_steep(out);
    say_closed_forms(out);
    say_notes(out);
    say_symmetries(out);
    say_contacts(out);
    say_stops(out);
    say_long_errors(out);
    say_memory(out);
    say_much(out);
    fclose(out);
    return recorded_status(argc, argv, now);
}
