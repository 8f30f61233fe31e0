// SPDX-License-Identifier: GPL-3.0-or-later
// The sections of a configuration and their keys. Everything about a key is in its row; see docs/architecture.md.
//
// Upper limits keep products (walkers x draws x bytes) within the range of size_t; they do not restrict the physics.
#include "settings/parts.h"
#include "vmc/units.h"

#include <string.h>

static const char *const schedules[] = {
    [SCHEDULE_CONSTANT] = "constant", [SCHEDULE_INVERSE] = "inverse", [SCHEDULE_COSINE] = "cosine"
};
static const char *const stops[] = { [STOP_PLATEAU] = "plateau", [STOP_NEVER] = "never" };

static const char *const statistics[] = { [STATISTICS_BOSONS] = "bosons", [STATISTICS_FERMIONS] = "fermions" };

static const char *statistics_name(size_t index)
{
    return index < sizeof statistics / sizeof statistics[0] ? statistics[index] : NULL;
}

static const char *const negatives[] = {
    [NEGATIVE_GIBBS] = "gibbs", [NEGATIVE_METROPOLIS] = "metropolis", [NEGATIVE_EXACT] = "exact"
};
static const char *const representations[] = { [LEARN_PROBABILITY] = "probability", [LEARN_AMPLITUDE] = "amplitude" };

static const char *negative_name(size_t index)
{
    return index < sizeof negatives / sizeof negatives[0] ? negatives[index] : NULL;
}

static const char *representation_name(size_t index)
{
    return index < sizeof representations / sizeof representations[0] ? representations[index] : NULL;
}

const struct optimizer_type *settings_learner(size_t index)
{
    for (size_t k = 0; optimizer_type_at(k); k++)
        if (!optimizer_type_at(k)->needs_metric && index-- == 0)
            return optimizer_type_at(k);
    return NULL;
}

static const char *learner_name(size_t index)
{
    const struct optimizer_type *type = settings_learner(index);
    return type ? type->name : NULL;
}

static const char *warm_up_name(size_t index)
{
    static const char *const names[] = { [WARM_UP_PLAIN] = "plain", [WARM_UP_DIFFUSION] = "momentum-diffusion" };
    return index < sizeof names / sizeof *names ? names[index] : NULL;
}

static const char *schedule_name(size_t index)
{
    return index < sizeof schedules / sizeof schedules[0] ? schedules[index] : NULL;
}

static const char *stop_name(size_t index) { return index < sizeof stops / sizeof stops[0] ? stops[index] : NULL; }

// A key that chooses members of a kind. Its value goes to `chosen`, which comes after the sections in struct settings.
#define CHOOSER(section, key_, kind_, names, ...)                                                                    \
    {                                                                                                                \
        .key = key_, .kind = PARAM_KIND_NAMES, .choice = names,                                                      \
        .offset = offsetof(struct settings, chosen[kind_].members) - offsetof(struct settings, section), __VA_ARGS__ \
    }

static const struct param system_params[] = {
    PARAM_COUNT(settings_system, particles, .range = PARAM_WITHIN(1, 4096), .help = "number of particles"),
    PARAM_COUNT(settings_system, dimensions, .range = PARAM_WITHIN(1, DIMENSIONS_MOST), .help = "dimensions of space"),
    PARAM_REALS(settings_system, omega, .range = PARAM_ABOVE(0), .most = DIMENSIONS_MOST, .fallback = "1",
                .unit = UNIT_FREQUENCY, .help = "frequency of the trap: one for all dimensions, or one per dimension"),
    CHOOSER(system_section, "interaction", SETTINGS_INTERACTION, interaction_name, .most = 1, .fallback = "none",
            .help = "pair force between the particles; its keys are in [interaction]"),
    PARAM_CHOICE(
        settings_system, statistics, .choice = statistics_name, .fallback = "bosons",
        .help = "bosons or fermions; fermions need an antisymmetric factor where two of them have the same spin"),
    PARAM_COUNT(
        settings_system, spin_up, .may_be_auto = true, .fallback = "auto", .applies = "statistics = fermions",
        .help = "fermions with spin up, the first ones; the others have spin down; auto: half of them, rounded up"),
    PARAM_END,
};
static const struct param wavefunction_params[] = {
    CHOOSER(wavefunction, "factors", SETTINGS_FACTOR, factor_name, .most = FACTORS_MOST, .fallback = "rbm",
            .help = "factors whose product is the wave function; each has a section of its own"),
    PARAM_BOOL(
        settings_wavefunction, allow_unsymmetric, .fallback = "no",
        .help =
            "yes: allow factors that are not symmetric beside an antisymmetric one; the energy is then no upper bound"),
    PARAM_TEXT(settings_wavefunction, load, .fallback = "",
               .help = "results file (or any HDF5 file with a /wavefunction group) that gives the starting parameters; "
                       "empty: start afresh"),
    PARAM_END,
};
static const struct param sampler_params[] = {
    CHOOSER(sampler, "method", SETTINGS_SAMPLER, sampler_name, .most = 1, .may_be_auto = true, .fallback = "auto",
            .help = "how configurations are drawn from |psi|^2; auto: by the number of particles"),
    PARAM_COUNT(settings_sampler, walkers, .range = PARAM_WITHIN(WALKERS, 1 << 24), .multiple = WALKERS,
                .fallback = "1024", .help = "independent Markov chains"),
    PARAM_REAL(settings_sampler, step, .range = PARAM_ABOVE(0), .may_be_auto = true, .fallback = "auto",
               .help = "auto: tuned to the best acceptance during burn-in, then frozen; else a length (metropolis) or "
                       "a time step (langevin)"),
    PARAM_COUNT(settings_sampler, burn_in, .range = PARAM_WITHIN(0, 1e9), .fallback = "200", .unit = "sweeps",
                .help = "discarded before training and again before measuring"),
    PARAM_COUNT(settings_sampler, thin, .range = PARAM_WITHIN(1, 1e6), .fallback = "1", .unit = "sweeps",
                .help = "between one kept draw and the next"),
    PARAM_REALS(settings_sampler, temperatures, .range = PARAM_WITHIN(1, SAMPLER_TEMPERATURE_MOST), .fallback = "1",
                .help = "parallel tempering: temperatures T of |psi|^(2/T), from 1 up, each with as many walkers; only "
                        "T = 1 is measured"),
    PARAM_REAL(settings_sampler, spread, .range = PARAM_ABOVE_BELOW(0, 1e6), .fallback = "1",
               .help = "spread of the starting points, in widths of the ground state of the bare trap"),
    PARAM_BOOL(settings_sampler, jumps, .fallback = "yes",
               .help = "after a sweep walkers try to jump between maxima of |psi|^2 that lie apart, where hidden units "
                       "have such; no: sweeps alone"),
    PARAM_CHOICE(settings_sampler, warm_up, .choice = warm_up_name, .fallback = "plain",
                 .help = "what the first half of the first burn-in is: plain, sweeps like all others; "
                         "momentum-diffusion, approximate trajectories that lead out of far starting points"),
    PARAM_END,
};
static const struct param optimizer_params[] = {
    CHOOSER(optimizer, "method", SETTINGS_OPTIMIZER, optimizer_name, .most = 1, .fallback = "sr",
            .help = "how the parameters follow the energy gradient"),
    PARAM_COUNT(settings_optimizer, iterations, .range = PARAM_WITHIN(0, 1e9), .fallback = "1000",
                .help = "training iterations at most; 0: measure only"),
    PARAM_COUNT(settings_optimizer, samples, .range = PARAM_WITHIN(1, 1e12), .fallback = "8192",
                .help = "samples per iteration, over all walkers, rounded up to whole sweeps of them"),
    PARAM_COUNT(
        settings_optimizer, starts, .range = PARAM_WITHIN(1, 100000), .may_be_auto = true, .fallback = "auto",
        .help =
            "short trainings from different starting parameters; the one that ends lowest goes on; auto: 4 "
            "to 32 descents where method = exact; where method = sr trains an rbm alone, 6 to their first plateau, 3 "
            "with more than 600 parameters, 2 where that is so of two particles or with at most two units; else 1"),
    PARAM_REAL(settings_optimizer, learning_rate, .range = PARAM_ABOVE(0), .may_be_auto = true, .fallback = "auto",
               .help = "length of a step; auto: the method's own"),
    PARAM_CHOICE(settings_optimizer, schedule, .choice = schedule_name, .fallback = "constant",
                 .help = "how the learning rate changes: constant; inverse: rate / (1 + decay * iteration); cosine: "
                         "half a cosine down to 0"),
    PARAM_REAL(settings_optimizer, decay, .range = PARAM_AT_LEAST(0), .fallback = "0.01",
               .applies = "schedule = inverse", .help = "decay of the inverse schedule, per iteration"),
    PARAM_REAL(settings_optimizer, clip, .range = PARAM_AT_LEAST(0), .fallback = "0",
               .help = "largest norm of the gradient; a longer gradient is scaled down to it; 0: no limit"),
    PARAM_BOOL(settings_optimizer, stages, .fallback = "yes",
               .help = "pair factors are trained first, then backflow, then units that see surroundings; no: all at "
                       "once"),
    PARAM_CHOICE(settings_optimizer, stop, .choice = stop_name, .fallback = "plateau",
                 .help = "plateau: end training once the energy no longer falls; never: do all iterations"),
    PARAM_END,
};
static const struct param measure_params[] = {
    PARAM_COUNT(settings_measure, samples, .range = PARAM_WITHIN(1, 1e13), .fallback = "1e6",
                .help = "draws kept, over all walkers, rounded up to whole sweeps of them"),
    PARAM_REAL(settings_measure, target_error, .range = PARAM_AT_LEAST(0), .fallback = "0", .unit = UNIT_ENERGY,
               .help = "stop once the energy's error is this small, with `samples` as the cap; 0: draw all samples"),
    CHOOSER(measure, "controls", SETTINGS_CONTROL, control_name, .may_be_auto = true, .may_be_none = true,
            .fallback = "auto",
            .help = "control variates for the energy, and for the gradient in training; auto: all that apply, less "
                    "what costs more than it gains; none: the plain estimators"),
    PARAM_COUNT(settings_measure, positions, .range = PARAM_WITHIN(0, 1e8), .fallback = "0",
                .help = "configurations kept in the results file, spread evenly over walkers and draws"),
    PARAM_COUNT(settings_measure, series_values, .range = PARAM_WITHIN(1024, 1e8), .fallback = "16384",
                .help = "length of the series kept in the results file, over all walkers; a longer run keeps means "
                        "over several draws"),
    PARAM_END,
};
static const struct param observables_params[] = {
    CHOOSER(observables, "kinds", SETTINGS_OBSERVABLE, observable_name, .may_be_auto = true, .may_be_none = true,
            .fallback = "auto",
            .help = "what is observed besides the energy: auto: all there is for the system that costs little; none; "
                    "or a list"),
    PARAM_COUNT(settings_observables, bins, .range = PARAM_WITHIN(2, 2000), .fallback = "100",
                .help = "bins along a distance; half as many along each of x and y"),
    PARAM_REAL(settings_observables, range, .range = PARAM_ABOVE(0), .may_be_auto = true, .fallback = "auto",
               .unit = UNIT_LENGTH,
               .help = "where the axes of positions end, and at twice that those of distances between particles; auto: "
                       "a quarter beyond where "
                       "walkers went at the end of the burn-in"),
    PARAM_COUNT(settings_observables, interval, .range = PARAM_WITHIN(1, 1e9), .fallback = "48", .unit = "draws",
                .help = "from one look at the positions to the next"),
    PARAM_END,
};
static const struct param run_params[] = {
    PARAM_SEED(settings_run, seed, .fallback = "1",
               .help = "seed of all random numbers; the same seed gives the same bits"),
    PARAM_REAL(settings_run, checkpoint_interval, .range = PARAM_ABOVE(0), .fallback = "60", .unit = "s",
               .help = "wall time between saved states"),
    PARAM_END,
};
static const struct param learn_params[] = {
    PARAM_TEXT(settings_learn, data, .help = "samples: file.h5:dataset, or file.csv with one sample per line"),
    PARAM_CHOICE(settings_learn, visible, .choice = machine_kind_name, .fallback = "gaussian",
                 .help = "gaussian: real coordinates; binary: 0 or 1; spins: -1 or 1, coupled in pairs without hidden "
                         "units"),
    PARAM_COUNT(settings_learn, hidden, .range = PARAM_WITHIN(0, 100000), .fallback = "2",
                .help = "number of hidden units; spins have none"),
    PARAM_COUNT(settings_learn, dimensions, .range = PARAM_WITHIN(1, DIMENSIONS_MOST), .may_be_auto = true,
                .fallback = "auto", .applies = "visible = gaussian",
                .help = "dimensions of space, whose coordinates stand side by side in a sample; auto: those of "
                        "data with the shape [sample, particle, dimension], else 1"),
    PARAM_CHOICE(settings_learn, representation, .choice = representation_name, .fallback = "probability",
                 .applies = "visible = gaussian",
                 .help = "probability: p = F; amplitude: p = F^2, so that psi = F has |psi|^2 = p"),
    PARAM_REALS(settings_learn, sigma, .range = PARAM_ABOVE(0), .most = DIMENSIONS_MOST, .may_be_auto = true,
                .fallback = "auto", .unit = UNIT_LENGTH, .applies = "visible = gaussian",
                .help = "width of the Gaussian at the start: one value, one per dimension, or auto, that of the data"),
    PARAM_BOOL(settings_learn, train_sigma, .fallback = "yes", .applies = "visible = gaussian",
               .help = "learn the width too"),
    PARAM_REAL(settings_learn, init_scale, .range = PARAM_AT_LEAST(0), .fallback = "0.1",
               .help = "spread of the normally distributed starting weights, in units of the data's width"),
    PARAM_CHOICE(settings_learn, negative, .choice = negative_name, .fallback = "gibbs",
                 .help = "how the mean over the model is found: persistent chains by gibbs or metropolis; exact: a "
                         "sum over all states of the smaller layer"),
    PARAM_COUNT(settings_learn, steps, .range = PARAM_WITHIN(1, 1e6), .fallback = "1", .unit = "sweeps",
                .help = "of the persistent chains per iteration"),
    PARAM_COUNT(settings_learn, chains, .range = PARAM_WITHIN(WALKERS, 1 << 20), .multiple = WALKERS, .fallback = "512",
                .help = "persistent chains"),
    PARAM_COUNT(settings_learn, iterations, .range = PARAM_WITHIN(0, 1e9), .fallback = "4000",
                .help = "steps of the optimiser, at most"),
    PARAM_COUNT(settings_learn, samples, .range = PARAM_WITHIN(1, 1e12), .may_be_auto = true, .fallback = "auto",
                .help = "samples per iteration; each is used once before any is used again; auto: 512, and all of "
                        "them with negative = exact"),
    CHOOSER(learn, "method", SETTINGS_LEARNER, learner_name, .most = 1, .fallback = "adam",
            .help = "how the parameters follow the gradient of the likelihood"),
    PARAM_COUNT(settings_learn, starts, .range = PARAM_WITHIN(1, 100000), .fallback = "4", .applies = "method = exact",
                .help = "descents from different starting parameters; the lowest end is taken"),
    PARAM_REAL(settings_learn, learning_rate, .range = PARAM_ABOVE(0), .may_be_auto = true, .fallback = "auto",
               .help = "length of a step; auto: that of the method in [optimizer], a tenth of it for sgd and momentum"),
    PARAM_CHOICE(settings_learn, schedule, .choice = schedule_name, .fallback = "cosine",
                 .help = "how the learning rate changes: constant; inverse: rate / (1 + decay * iteration); cosine: "
                         "half a cosine down to 0"),
    PARAM_REAL(settings_learn, decay, .range = PARAM_AT_LEAST(0), .fallback = "0.01", .applies = "schedule = inverse",
               .help = "decay of the inverse schedule, per iteration"),
    PARAM_REAL(settings_learn, clip, .range = PARAM_AT_LEAST(0), .fallback = "0",
               .help = "largest norm of the gradient; a longer gradient is scaled down to it; 0: no limit"),
    PARAM_REAL(settings_learn, held_out, .range = { 0, 1, false, true }, .fallback = "0.1",
               .help = "share of the samples, drawn at random, that is kept from learning to judge the result by"),
    PARAM_BOOL(settings_learn, partition, .fallback = "yes",
               .help = "no: leave out ln Z, which is wrong and there to show what it is for"),
    PARAM_BOOL(settings_learn, posterior, .fallback = "no",
               .help = "yes: sample the parameters given the data, by Hamiltonian Monte Carlo"),
    PARAM_REAL(
        settings_learn, prior, .range = PARAM_ABOVE(0), .may_be_auto = true, .fallback = "auto",
        .help = "width of a normal prior of every parameter of binary units and spins; auto: 1 for the posterior and "
                "with partition = no, else none"),
    PARAM_COUNT(settings_learn, posterior_samples, .range = PARAM_WITHIN(64, 1e8), .fallback = "16000",
                .applies = "posterior = yes", .help = "samples of the posterior, over all of its chains"),
    PARAM_COUNT(settings_learn, ais_chains, .range = PARAM_WITHIN(WALKERS, 1 << 20), .multiple = WALKERS,
                .fallback = "512", .help = "chains of annealed importance sampling, where Z cannot be summed"),
    PARAM_COUNT(settings_learn, ais_steps, .range = PARAM_WITHIN(1, 1e7), .fallback = "2000",
                .help = "temperatures that each of them goes through"),
    PARAM_END,
};

const struct settings_fixed settings_fixed[] = {
    { "system", "what is simulated", system_params, offsetof(struct settings, system_section),
      SETTINGS_JOB(CONFIG_RUN) },
    { "wavefunction", "the trial wave function", wavefunction_params, offsetof(struct settings, wavefunction),
      SETTINGS_JOB(CONFIG_RUN) },
    { "sampler", "how configurations are drawn", sampler_params, offsetof(struct settings, sampler),
      SETTINGS_JOB(CONFIG_RUN) },
    { "optimizer", "how the wave function is trained", optimizer_params, offsetof(struct settings, optimizer),
      SETTINGS_JOB(CONFIG_RUN) },
    { "measure", "what is measured afterwards, with the parameters frozen", measure_params,
      offsetof(struct settings, measure), SETTINGS_JOB(CONFIG_RUN) },
    { "observables", "where the particles are", observables_params, offsetof(struct settings, observables),
      SETTINGS_JOB(CONFIG_RUN) },
    { "learn", "what vmc learn does: maximum likelihood of a Boltzmann machine on samples", learn_params,
      offsetof(struct settings, learn), SETTINGS_JOB(CONFIG_LEARN) },
    { "run", "the run itself", run_params, offsetof(struct settings, run),
      SETTINGS_JOB(CONFIG_RUN) | SETTINGS_JOB(CONFIG_LEARN) },
    { .name = NULL },
};

// --- the kinds ---

#define MEMBER(kind, ...)                                                                             \
    static struct settings_member kind##_member(size_t index)                                         \
    {                                                                                                 \
        const struct kind##_type *type = kind##_type_at(index);                                       \
        if (!type)                                                                                    \
            return (struct settings_member){ .name = NULL };                                          \
        return (struct settings_member){ .name = type->name, .summary = type->summary, __VA_ARGS__ }; \
    }
#define WITH_PARAMS .state_size = type->state_size, .params = type->params
MEMBER(interaction, WITH_PARAMS)
MEMBER(factor, WITH_PARAMS)
MEMBER(sampler, WITH_PARAMS, .idle = type->has_step ? NULL : "step")
MEMBER(optimizer, WITH_PARAMS)
MEMBER(control)
MEMBER(observable)

// The optimisers again, under [learn].
static struct settings_member learner_member(size_t index)
{
    const struct optimizer_type *type = settings_learner(index);
    if (!type)
        return (struct settings_member){ .name = NULL };
    return (struct settings_member){ .name = type->name,
                                     .summary = type->step ? type->summary
                                                           : "limited-memory BFGS on the exact likelihood",
                                     WITH_PARAMS };
}

#define CHOSEN_BY(section, key) section, key, section "." key
const struct settings_kind_row settings_kinds[SETTINGS_KINDS] = {
    [SETTINGS_INTERACTION] = { "interaction", "interaction", CHOSEN_BY("system", "interaction"), interaction_member },
    [SETTINGS_FACTOR] = { "factor", NULL, CHOSEN_BY("wavefunction", "factors"), factor_member },
    [SETTINGS_SAMPLER] = { "sampler", "sampler", CHOSEN_BY("sampler", "method"), sampler_member },
    [SETTINGS_OPTIMIZER] = { "optimizer", "optimizer", CHOSEN_BY("optimizer", "method"), optimizer_member },
    [SETTINGS_CONTROL] = { "control variate", "measure", CHOSEN_BY("measure", "controls"), control_member },
    [SETTINGS_OBSERVABLE] = { "observable", "observables", CHOSEN_BY("observables", "kinds"), observable_member },
    [SETTINGS_LEARNER] = { "optimizer", "learn", CHOSEN_BY("learn", "method"), learner_member },
};

const struct settings_fixed *settings_fixed_find(const char *section)
{
    for (const struct settings_fixed *fixed = settings_fixed; fixed->name; fixed++)
        if (strcmp(fixed->name, section) == 0)
            return fixed;
    return NULL;
}

const char *settings_section_of(const struct settings_kind_row *kind, const struct settings_member *member)
{
    return kind->section ? kind->section : member->name;
}

bool settings_kind_used(enum settings_kind kind, enum config_job job)
{
    return settings_fixed_used(settings_fixed_find(settings_kinds[kind].chooser), job);
}

const struct param *settings_chooser(const struct settings_kind_row *kind)
{
    return param_find(settings_fixed_find(kind->chooser)->params, kind->key);
}

// Position of a member among the chosen ones; their number if it is not chosen.
static size_t position_of(const struct param_names *members, size_t member)
{
    size_t k = 0;
    while (k < members->n && members->index[k] != member)
        k++;
    return k;
}

bool settings_chooses(const struct settings *settings, enum settings_kind kind, size_t member)
{
    const struct param_names *members = &settings->chosen[kind].members;
    return position_of(members, member) < members->n;
}

void *settings_state_of(const struct settings *settings, enum settings_kind kind, size_t member)
{
    const struct settings_choice *choice = &settings->chosen[kind];
    const size_t k = position_of(&choice->members, member);
    return k < choice->members.n ? choice->state[k] : NULL;
}

// --- all keys, for help and manual ---

static size_t add_members(enum settings_kind kind, struct settings_schema_row *rows, size_t n, size_t most)
{
    for (size_t k = 0;; k++) {
        struct settings_member member = settings_kinds[kind].member(k);
        if (!member.name)
            return n;
        if (!member.params || !member.params->key)
            continue;
        if (n < most)
            rows[n] = (struct settings_schema_row){ settings_section_of(&settings_kinds[kind], &member), member.summary,
                                                    settings_kinds[kind].path, member.name, member.params };
        n++;
    }
}

size_t settings_schema(struct settings_schema_row *rows, size_t most)
{
    size_t n = 0;
    for (const struct settings_fixed *fixed = settings_fixed; fixed->name; fixed++) {
        if (n < most)
            rows[n] = (struct settings_schema_row){ fixed->name, fixed->summary, NULL, NULL, fixed->params };
        n++;
        for (size_t kind = 0; kind < SETTINGS_KINDS; kind++)
            if (strcmp(settings_kinds[kind].chooser, fixed->name) == 0)
                n = add_members(kind, rows, n, most);
    }
    return n;
}
