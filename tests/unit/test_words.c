// SPDX-License-Identifier: GPL-3.0-or-later
// Every word that the program says for itself, against a record: numbers, tables, lines of progress, summaries, help,
// the command line, known values and sweeps, all with what dice make up: at every width, on terminals and beside them,
// with infinities and nothing at all. Long records are kept as digests, which --show writes out.
//
//     test_words RECORD            compares
//     test_words RECORD --write    records anew
//     test_words --show            prints everything
#include "support/clock.h"
#include "support/recorded.h"
#include "support/terminal.h"

#include "cli/command.h"
#include "cli/help.h"
#include "cli/json.h"
#include "cli/keys.h"
#include "cli/known.h"
#include "cli/learn.h"
#include "cli/options.h"
#include "cli/plot_parts.h"
#include "cli/program.h"
#include "cli/progress.h"
#include "cli/summary.h"
#include "cli/sweep_parts.h"
#include "cli/table.h"
#include "cli/target.h"
#include "cli/text.h"
#include "vmc/record.h"
#include "vmc/rng.h"
#include "vmc/settings.h"
#include "vmc/verify.h"

#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool shows;
static struct rng dice;

static size_t pick(size_t n) { return rng_next(&dice) % n; }

// 1 to 10 times a power of ten, exactly what its text says.
static double draw_size(int least, int most)
{
    char text[32];
    const size_t digits = 100 + pick(900);
    snprintf(text, sizeof text, "%zue%d", digits, least - 2 + (int)pick((size_t)(most - least)));
    return strtod(text, NULL);
}

// Numbers of every size and sign, whole ones, and what is no number.
static double draw(void)
{
    static const double odd[] = { 0,     1,      -1,  0.1,      9.95,      9.949, 99.5, 999.5, 1e5, 99999.5, 1e15, 1e18,
                                  1e300, 1e-300, NAN, INFINITY, -INFINITY, 0.5,   2,    1e-17, 60,  3600,    86400 };
    const double u = 2 * rng_uniform(&dice) - 1;
    switch (pick(6)) {
    case 0: return odd[pick(sizeof odd / sizeof *odd)];
    case 1: return floor(100 * u);
    case 2: return u * draw_size(-18, 18);
    case 3: return floor(fabs(u) * draw_size(0, 9));
    default: return 10 * u;
    }
}

static double draw_positive(void) { return fabs(draw()); }

static const char *draw_text(void)
{
    static const char *const texts[] = {
        "",
        "a",
        "a few words",
        "caf\xc3\xa9 \xe2\x82\xac",
        "with \"quotes\" and \\",
        "control\x01\x1b[31m\t",
        "averyveryveryveryveryveryveryveryveryverylongwordthatfitsnowhere",
        "many words that go on and on, so that they have to be wrapped at any width that a terminal has, and then some",
        "  blanks  between  ",
        "cut \xc3",
        "no unit"
    };
    return texts[pick(sizeof texts / sizeof *texts)];
}

// ---- what is written to stderr, read back

static int kept_stderr;

static void catch_stderr(const char *path)
{
    fflush(stderr);
    kept_stderr = dup(STDERR_FILENO);
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(file, STDERR_FILENO);
    close(file);
}

static void release_stderr(FILE *out, const char *path)
{
    char text[1 << 16];
    fflush(stderr);
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    FILE *file = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    fputs(text, out);
}

// ---- numbers and text

static void say_numbers(FILE *record)
{
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    char text[CLI_NUMBER_SIZE];
    for (size_t k = 0; k < 1500; k++) {
        const double value = draw(), error = pick(3) == 0 ? draw() : fabs(value) * draw_size(-8, 0);
        cli_number(value, error, text);
        fprintf(out, "%.17g %.17g %s", value, error, text);
        cli_duration(value, text);
        fprintf(out, " %s", text);
        cli_bytes(fabs(value), text);
        fprintf(out, " %s %d\n", text, isfinite(value));
    }
    static const double edges[] = { 9.94, 9.95,  59.4,  59.5, 59.6, 3599.4, 3599.5, 86399, 86370, 86401,
                                    995,  999.4, 999.5, 9949, 9950, 999499, 999500, 1e18,  1e21 };
    for (size_t k = 0; k < sizeof edges / sizeof *edges; k++) {
        cli_duration(edges[k], text);
        fprintf(out, "%s ", text);
        cli_bytes(edges[k], text);
        fprintf(out, "%s\n", text);
    }
    recorded_end(&part, out, "numbers", shows);
    out = recorded_begin(&part, record);
    for (size_t width = 1; width < 200; width += width < 60 ? 1 : 7)
        for (size_t k = 0; k < 4; k++) {
            const size_t column = pick(30), indent = pick(30);
            cli_wrap(out, column, indent, width, draw_text());
        }
    recorded_end(&part, out, "wrapped", shows);
    out = recorded_begin(&part, record);
    for (size_t k = 0; k < 300; k++) {
        cli_json_string(out, draw_text());
        const double value = draw();
        cli_json_number(out, value, pick(2));
        fputc('\n', out);
    }
    recorded_end(&part, out, "json", shows);
}

static void say_tables(FILE *record)
{
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    for (size_t k = 0; k < 150; k++) {
        struct cli_table table;
        const size_t columns = k % 10 == 9 ? 60 + pick(10) : 1 + pick(8),
                     cells = pick(4) == 0 ? pick(300) : columns * pick(6);
        cli_table_start(&table, columns);
        for (size_t c = 0; c < cells; c++)
            cli_table_add(&table, "%.30s%zu", draw_text(), c);
        cli_table_write(&table, out);
        fprintf(out, "%zu %zu %d\n", table.n_cells, table.most, table.failed);
        cli_table_finish(&table);
        fprintf(out, "%zu %d\n", table.n_cells, table.cells == NULL);
    }
    recorded_end(&part, out, "tables", shows);
}

// ---- notes, errors and progress, beside a terminal and on one

// Of 24 lines and so many columns, as stderr; its other end.
static int open_terminal(unsigned short columns)
{
    const struct terminal terminal = terminal_open(columns, O_NONBLOCK);
    fflush(stderr);
    kept_stderr = dup(STDERR_FILENO);
    dup2(terminal.theirs, STDERR_FILENO);
    close(terminal.theirs);
    return terminal.ours;
}

static void close_terminal(FILE *out, int terminal)
{
    char text[1 << 13];
    fflush(stderr);
    for (ssize_t n; (n = read(terminal, text, sizeof text)) > 0;)
        for (ssize_t k = 0; k < n; k++)
            fputs(text[k] == '\r' ? "<" : text[k] == '\033' ? "ESC" : (char[]){ text[k], '\0' }, out);
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    close(terminal);
}

static struct run_progress draw_progress(void)
{
    static const char *const stages[] = { NULL, "backflow", "a stage with a long name" };
    const size_t unit = pick(3) == 0 ? 100000 : 1, total = pick(5) == 0 ? 0 : 1 + pick(1000) * unit;
    return (struct run_progress){ .phase = (enum run_phase)pick(3),
                                  .done = total > 0 ? pick(total + 1) : 0,
                                  .total = total,
                                  .energy = draw(),
                                  .energy_error = draw_positive(),
                                  .variance = draw_positive(),
                                  .acceptance = pick(4) == 0 ? NAN : rng_uniform(&dice),
                                  .seconds_left = pick(4) == 0 ? NAN : draw_positive(),
                                  .walkers = pick(3) * 32,
                                  .stage = stages[pick(3)] };
}

static void say_lines(FILE *record)
{
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    char line[CLI_LINE_SIZE];
    for (size_t k = 0; k < 800; k++) {
        const struct run_progress now = draw_progress();
        cli_progress_line(&now, k % 4 == 0 ? 300 : pick(110), line);
        fprintf(out, "%s|\n", line);
    }
    recorded_end(&part, out, "lines", shows);
}

static void follow_progress(size_t turn, double step)
{
    struct cli_progress progress;
    struct run_progress now = draw_progress();
    clock_begin(step);
    cli_progress_start(&progress, (enum cli_progress_mode)(turn % 3), turn / 3 % 2);
    for (size_t k = 0; k < 24; k++) {
        if (k % 6 == 5)
            now = draw_progress();
        if (k == 9 || k == 17)
            cli_progress_name(&progress, "point %zu of 7  ", k);
        if (k == 20)
            cli_progress_name(&progress, "%s", draw_text());
        now.done++;
        cli_progress_show(&now, &progress);
        if (k % 7 == 3)
            cli_progress_note("a note", &progress);
        if (k % 11 == 4)
            cli_progress_text(&progress, draw_text());
    }
    cli_progress_end(&progress);
    cli_progress_end(&progress);
}

static void say_progress(FILE *record)
{
    static const double steps[] = { 0.01, 0.06, 0.11, 4, 31 };
    static const unsigned short widths[] = { 20, 40, 80, 132, 200, 201, 300 };
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    for (size_t turn = 0; turn < 30; turn++) {
        catch_stderr("said");
        follow_progress(turn, steps[turn % 5]);
        release_stderr(out, "said");
        fputs("==\n", out);
    }
    recorded_end(&part, out, "progress beside a terminal", shows);
    out = recorded_begin(&part, record);
    for (size_t turn = 0; turn < 42; turn++) {
        setenv("TERM", turn % 7 == 6 ? "dumb" : "xterm", 1);
        const int terminal = open_terminal(widths[turn % 7]);
        follow_progress(turn / 7, steps[turn % 3]);
        close_terminal(out, terminal);
        fputs("==\n", out);
    }
    recorded_end(&part, out, "progress on a terminal", shows);
}

static void report(size_t turn)
{
    static const struct cli_program quiet = { .name = "vmc", .silent = true }, other = { .name = "other", .mpi = "x" };
    static const enum error_kind kinds[] = { ERROR_CONFIG, ERROR_USAGE, ERROR_WRITE };
    struct error error = { 0 }, notes = { 0 };
    for (size_t k = 0; k < turn % 4; k++) {
        error_add(&error, kinds[turn % 3], "f.ini:%zu: %s", k, draw_text());
        error_add(&notes, ERROR_CONFIG, "%s", draw_text());
    }
    const struct cli_program *own = cli_program();
    if (turn % 5 == 4)
        cli_program_set(turn % 2 == 0 ? &quiet : &other);
    cli_report(&error);
    cli_report_notes(&notes, turn % 2 == 0 ? "note: " : "");
    const char *first = draw_text();
    cli_note("%s\n%s", first, draw_text());
    cli_program_set(own);
    error_clear(&error);
    error_clear(&notes);
}

static void say_reports(FILE *record)
{
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    for (size_t turn = 0; turn < 40; turn++) {
        catch_stderr("said");
        report(turn);
        release_stderr(out, "said");
    }
    for (size_t turn = 0; turn < 40; turn++) {
        setenv("TERM", turn % 10 == 9 ? "dumb" : "xterm", 1);
        if (turn % 4 == 0)
            setenv("NO_COLOR", turn % 8 == 0 ? "" : "1", 1);
        else
            unsetenv("NO_COLOR");
        const int terminal = open_terminal(80);
        report(turn);
        fprintf(out, "%zu %d\n", cli_width(stderr), cli_is_terminal(stderr));
        close_terminal(out, terminal);
    }
    unsetenv("TERM");
    unsetenv("NO_COLOR");
    const int terminal = open_terminal(0);
    fprintf(out, "%zu %d\n", cli_width(stderr), cli_is_terminal(stderr));
    close_terminal(out, terminal);
    recorded_end(&part, out, "reports", shows);
}

// To a file, by a program that is silent, into a pipe that nobody reads, and where there is nothing.
static void say_prints(FILE *record)
{
    static const struct cli_program silent = { .name = "vmc", .silent = true };
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    for (size_t turn = 0; turn < 4; turn++) {
        int ends[2] = { -1, -1 };
        const int kept = dup(STDOUT_FILENO), file = open("printed", O_RDWR | O_CREAT | O_TRUNC, 0600);
        char text[100] = "";
        struct error error = { 0 };
        if (turn == 2 && (pipe(ends) != 0 || close(ends[0]) != 0))
            abort();
        fflush(stdout);
        dup2(turn == 2 ? ends[1] : file, STDOUT_FILENO);
        if (turn == 3)
            close(STDOUT_FILENO);
        const struct cli_program *own = cli_program();
        if (turn == 1)
            cli_program_set(&silent);
        const bool good = cli_print("a text\n", &error), other = cli_print_text(strdup("another"), &error),
                   none = cli_print_text(NULL, &error), empty = cli_print("", &error) && cli_print("\n", &error);
        cli_program_set(own);
        dup2(kept, STDOUT_FILENO);
        close(kept);
        close(ends[1]);
        const ssize_t n = pread(file, text, sizeof text - 1, 0);
        close(file);
        fprintf(out, "%d %d %d %d: '%.*s' %d %s\n", good, other, none, empty, (int)(n > 0 ? n : 0), text,
                (int)error.kind, error.text ? error.text : "");
        error_clear(&error);
        fprintf(out, "%d\n", cli_print_text(NULL, NULL));
    }
    recorded_end(&part, out, "prints", shows);
}

// ---- summaries

struct scene {
    struct config config;
    struct settings settings;
};

static bool begin_scene(struct scene *scene, const char *text, enum config_job job, struct error *error)
{
    scene->config = (struct config){ .job = job };
    bool good = config_parse(&scene->config, "f.ini", text, strlen(text), error);
    scene->config.job = job;
    if (good && settings_build(&scene->settings, &scene->config, error, NULL))
        return true;
    config_finish(&scene->config);
    return false;
}

static void end_scene(struct scene *scene)
{
    settings_finish(&scene->settings);
    config_finish(&scene->config);
}

static struct reference_match draw_match(void)
{
    static const char *const names[] = { NULL, "rbm", "gaussian*pade-jastrow" }, *const sources[] = {
        NULL, "Who (1999)", "caf\xc3\xa9 \"x\""
    };
    return (struct reference_match){ .id = "x",
                                     .kind = (enum reference_kind)pick(4),
                                     .value = pick(3) == 0 ? draw() : 3,
                                     .uncertainty = pick(2) ? NAN : 0.01 * rng_uniform(&dice),
                                     .upper_bound = pick(2),
                                     .ansatz = names[pick(3)],
                                     .source = sources[pick(3)] };
}

static struct run_result draw_result(void)
{
    static const char *const reasons[] = { NULL, "done",
                                           "the energy has settled within its noise over many iterations" };
    struct run_result result = { .stop_reason = reasons[pick(3)], .training_end = reasons[pick(2)] };
    for (const struct run_result_row *row = run_result_rows; row->name; row++) {
        double *value = (double *)(void *)((char *)&result + row->offset);
        *value = row->whole ? (double)pick(pick(2) ? 3 : 100000) : pick(4) == 0 ? NAN : draw();
    }
    if (pick(3) > 0) {
        result.energy = 3 + 0.1 * rng_uniform(&dice);
        result.energy_error = draw_size(-4, 0);
        result.training_gain = 0.01 * rng_uniform(&dice);
        result.training_gain_error = 0.001;
    }
    result.plateau = pick(2);
    result.no_bound = pick(3) == 0;
    result.judgement.verdict = (enum run_verdict)pick(4);
    result.judgement.n = pick(4);
    for (size_t k = 0; k < result.judgement.n; k++) {
        struct run_finding *finding = &result.judgement.finding[k];
        finding->verdict = (enum run_verdict)(1 + pick(3));
        finding->name = "name";
        snprintf(finding->what, sizeof finding->what, "%s", draw_text());
        finding->remedy = "raise this";
    }
    return result;
}

static const char *const scenes[] = {
    "[system]\nparticles = 2\ndimensions = 2\n",
    "[system]\nparticles = 1\ndimensions = 1\n[sampler]\nmethod = hmc\n",
    "[system]\nparticles = 6\ndimensions = 2\nstatistics = fermions\ninteraction = coulomb\n[wavefunction]\nfactors = "
    "slater\n",
};

static void say_summaries(FILE *record)
{
    static const size_t widths[] = { 0, 20, 39, 40, 41, 80, 132, 200 };
    for (size_t s = 0; s < sizeof scenes / sizeof *scenes; s++) {
        struct scene scene;
        struct recorded_part part;
        FILE *out = recorded_begin(&part, record);
        if (!begin_scene(&scene, scenes[s], CONFIG_RUN, NULL))
            abort();
        for (size_t k = 0; k < 120; k++) {
            const struct run_result result = draw_result();
            const struct reference_match known[3] = { draw_match(), draw_match(), draw_match() };
            const struct cli_summary summary = { .settings = &scene.settings,
                                                 .result = &result,
                                                 .config = "f.ini",
                                                 .output = pick(5) == 0 ? NULL : "o.h5",
                                                 .status = "complete",
                                                 .threads = pick(4),
                                                 .threads_in_all = pick(8),
                                                 .threads_reason = pick(2) ? NULL : "as told",
                                                 .ranks = 1 + pick(3),
                                                 .mpi = pick(2) ? NULL : "Some MPI",
                                                 .n_known = pick(4),
                                                 .known = known };
            char *text = cli_summary_text(&summary, widths[k % 8]), *json = cli_summary_json(&summary);
            fprintf(out, "%s%s", text, json);
            free(text);
            free(json);
        }
        end_scene(&scene);
        recorded_end(&part, out, "summaries", shows);
    }
}

// Both sides of each bound of a summary, and the bound itself.
static void say_summary(FILE *out, const struct settings *settings, double value, const struct run_result *from)
{
    const struct reference_match known = { .kind = REFERENCE_MINIMUM, .value = value, .uncertainty = NAN };
    struct run_result result = *from;
    const struct cli_summary summary = {
        .settings = settings, .result = &result, .ranks = 1, .n_known = 1, .known = &known
    };
    for (int side = -1; side <= 1; side++) {
        result.energy = side == 0 ? from->energy : nextafter(from->energy, side * (double)INFINITY);
        char *text = cli_summary_text(&summary, 80);
        fputs(text, out);
        free(text);
    }
}

static void say_summary_bounds(FILE *record)
{
    static const double bounds[] = { 1e5, 1e15, -1e5, -1e15 };
    struct scene scene;
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    if (!begin_scene(&scene, scenes[0], CONFIG_RUN, NULL))
        abort();
    const struct settings *settings = &scene.settings;
    struct run_result result = { .energy_error = 0x1p-10, .iterations = 1, .wall_time = 1, .cpu_time = 1 };
    for (int factor = 1; factor <= 12; factor++) {
        result.energy = 3 + factor * result.energy_error;
        say_summary(out, settings, 3, &result);
    }
    result.energy_error = 1e-12;
    size_t found = 0;
    for (int k = 1; k < 8000; k++) {  // of most values no sum lies at the bound itself
        const double value = k / 7.0, share = 3e-3 * value;
        result.energy = value + share;
        if (result.energy - value == share && found++ < 6)
            say_summary(out, settings, value, &result);
    }
    if (found == 0)
        abort();
    result.energy = 3;
    for (size_t k = 0; k < sizeof bounds / sizeof *bounds; k++)
        for (int side = -1; side <= 1; side++) {
            result.variance = side == 0 ? bounds[k] : nextafter(bounds[k], side * (double)INFINITY);
            say_summary(out, settings, 3, &result);
        }
    result.n_samples = 100 * (double)settings->sampler.walkers;
    for (int side = -1; side <= 1; side++) {
        result.autocorrelation_time = side == 0 ? 2 : nextafter(2, side * (double)INFINITY);
        say_summary(out, settings, 3, &result);
    }
    end_scene(&scene);
    recorded_end(&part, out, "bounds of summaries", shows);
}

static void say_estimates(FILE *record)
{
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    for (size_t k = 0; k < 120; k++) {
        const struct run_estimate estimate = { .memory = draw_positive(),
                                               .memory_per_walker = draw_positive(),
                                               .file_size = draw_positive(),
                                               .cpu_time = draw_positive(),
                                               .wall_time = draw_positive(),
                                               .iteration_time = draw(),
                                               .draw_time = draw(),
                                               .n_parameters = pick(100000),
                                               .walkers = pick(1000),
                                               .draws = pick(1000),
                                               .iterations = pick(1000) };
        char *text = cli_estimate_text(&estimate, pick(4)), *json = cli_estimate_json(&estimate, pick(4));
        fprintf(out, "%s%s", text, json);
        free(text);
        free(json);
    }
    recorded_end(&part, out, "estimates", shows);
}

static void say_learned(FILE *record)
{
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    struct scene scene;
    if (!begin_scene(&scene, "[learn]\ndata = x.csv\nvisible = spins\n", CONFIG_LEARN, NULL))
        abort();
    for (size_t k = 0; k < 200; k++) {
        double vectors[6][20];
        for (size_t i = 0; i < 6; i++)
            for (size_t j = 0; j < 20; j++)
                vectors[i][j] = draw();
        const bool sampled = pick(2);
        struct learn_result result = { .n_train = pick(1000),
                                       .n_held_out = pick(3) * 10,
                                       .n_visible = pick(20),
                                       .n_hidden = pick(20),
                                       .n_parameters = pick(1000),
                                       .iterations = pick(1000),
                                       .end = pick(4) == 0 ? NULL : "converged",
                                       .train = draw(),
                                       .train_error = draw_positive(),
                                       .held_out = draw(),
                                       .held_out_error = draw_positive(),
                                       .partition = { draw(), draw_positive(), draw_positive(), pick(2) },
                                       .acceptance = draw(),
                                       .wall_time = draw_positive(),
                                       .cpu_time = draw_positive(),
                                       .n_couplings = pick(3) == 0 ? 11 + pick(4) : pick(20),
                                       .estimate = pick(5) == 0 ? NULL : vectors[0] };
        if (sampled) {
            result.mean = vectors[1];
            result.mean_error = vectors[2];
            result.width = vectors[3];
            result.width_error = vectors[4];
            result.r_hat = vectors[5];
        }
        cli_learn_write(out, &scene.settings, &result, pick(3), "o.h5");
    }
    end_scene(&scene);
    recorded_end(&part, out, "learned", shows);
}

// ---- help and the command line

static void say_keys(FILE *record)
{
    static const char *const sections[] = { NULL,    "system", "rbm",    "interaction", "sampler", "optimizer",
                                            "learn", "sweep",  "sweeps", "sistem",      "",        "nothing at all" };
    for (size_t s = 0; s < sizeof sections / sizeof *sections; s++) {
        struct recorded_part part;
        FILE *out = recorded_begin(&part, record);
        for (size_t width = 0; width < 210; width += s == 0 ? 39 : 13) {
            struct error error = { 0 };
            char *text = cli_keys_text(sections[s], width, &error);
            fprintf(out, "%s %d %s\n", text ? text : "(none)", (int)error.kind, error.text ? error.text : "");
            free(text);
            error_clear(&error);
        }
        recorded_end(&part, out, sections[s] ? sections[s] : "all keys", shows);
    }
}

static void say_words(FILE *record)
{
    static const char *const words[] = { "sweep", "list",   "script", "merge", "diagnose", "diagnos",
                                         "show",  "verify", "verfiy", "plot",  "learn",    "lern",
                                         "help",  "a.ini",  "b.h5",   "shows", "merge.h5", "./show",
                                         "x",     "",       "sweeps", "lst" };
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    for (size_t k = 0; k < 400; k++) {
        char *some[4];
        const size_t n = k < 22 ? 1 : pick(4);
        for (size_t i = 0; i < n; i++)
            some[i] = (char *)(uintptr_t)words[k < 22 ? k : pick(22)];
        struct error error = { 0 };
        size_t n_own = 99;
        char name[CLI_COMMAND_SIZE];
        const struct cli_command *command = cli_command_find(n, some, &n_own, &error);
        for (size_t i = 0; i < n; i++)
            fprintf(out, "%s ", some[i]);
        fprintf(out, ": %s %zu %s\n", command ? cli_command_name(command, name) : "-", command ? n_own : 0,
                error.text ? error.text : "");
        error_clear(&error);
    }
    recorded_end(&part, out, "commands", shows);
}

static void say_options(FILE *record)
{
    static const char *const words[] = { "--config",
                                         "a.ini",
                                         "b.ini",
                                         "-s",
                                         "rbm.hidden=2",
                                         "--set",
                                         "--set=x.y=1",
                                         "-o",
                                         "--output=o.h5",
                                         "o.h5",
                                         "",
                                         "--what",
                                         "training",
                                         "--by",
                                         "rbm.hidden",
                                         "--with",
                                         "gnuplot",
                                         "--follow",
                                         "--force",
                                         "--resume",
                                         "--max-time",
                                         "90s",
                                         "30m",
                                         "2h",
                                         "1d",
                                         "0.5h",
                                         "1x",
                                         "-1",
                                         "0",
                                         "1e3",
                                         "inf",
                                         "1.5.2",
                                         "s",
                                         ".",
                                         "--task",
                                         "3",
                                         "1-4",
                                         "4-1",
                                         "-",
                                         "7-",
                                         "9999",
                                         "10000",
                                         "x",
                                         "-j",
                                         "2",
                                         "4096",
                                         "4097",
                                         "--per-job",
                                         "--time",
                                         "01:00:00",
                                         "1-12",
                                         "soon",
                                         "-t",
                                         "1",
                                         "--check",
                                         "--print-config",
                                         "--json",
                                         "-q",
                                         "-v",
                                         "--progress",
                                         "always",
                                         "sometimes",
                                         "--progress=never",
                                         "--help-config",
                                         "--help-config=rbm",
                                         "--help",
                                         "-h",
                                         "-V",
                                         "--version",
                                         "-x",
                                         "-qx",
                                         "-qt",
                                         "--nothing",
                                         "--re",
                                         "--pr",
                                         "--f",
                                         "--j=1",
                                         "--res",
                                         "--forced",
                                         "--json=1",
                                         "--threads",
                                         "--thread",
                                         "--",
                                         "sweep",
                                         "list",
                                         "script",
                                         "merge",
                                         "show",
                                         "learn",
                                         "plot",
                                         "help",
                                         "verify",
                                         "diagnose",
                                         "a.h5",
                                         "extra" };
    enum { WORDS = sizeof words / sizeof *words };
    for (size_t group = 0; group < 6; group++) {
        struct recorded_part part;
        FILE *out = recorded_begin(&part, record);
        for (size_t turn = 0; turn < 250; turn++) {
            char *argv[9] = { (char *)(uintptr_t) "vmc" };
            const int n = 2 + (int)pick(7);
            for (int k = 1; k < n; k++)
                argv[k] = (char *)(uintptr_t)words[group == 0 && k == 1 ? turn % WORDS : pick(WORDS)];
            if (group >= 3)
                argv[1] = (char *)(uintptr_t)words[WORDS - 12 + pick(10)];
            argv[n] = NULL;
            for (int k = 1; k < n; k++)
                fprintf(out, "'%s' ", argv[k]);
            struct cli_options o;
            struct error error = { 0 };
            optind = 0;
            const bool good = cli_options_parse(&o, n, argv, &error);
            char name[CLI_COMMAND_SIZE];
            fprintf(out, ": %d %x %s", good, o.given, o.command ? cli_command_name(o.command, name) : "-");
            if (good)
                fprintf(out, " %s %s %s %s %s %d %zu %zu %d %g %d%d%d%d%d%d%d%d%d %s %d %zu %zu %zu %zu %s %zu",
                        o.config ? o.config : "-", o.output ? o.output : "-", o.what ? o.what : "-", o.by ? o.by : "-",
                        o.with ? o.with : "-", o.follow, o.n_sets, o.threads, (int)o.progress, o.max_time, o.check,
                        o.print_config, o.json, o.force, o.resume, o.quiet, o.verbose, o.help, o.version,
                        o.section ? o.section : "-", o.has_task, o.task_first, o.task_last, o.per_job, o.jobs,
                        o.time ? o.time : "-", o.n_words);
            for (size_t k = 0; good && k < o.n_sets; k++)
                fprintf(out, " %s", o.sets[k]);
            for (size_t k = 0; good && k < o.n_words; k++)
                fprintf(out, " %s", o.words[k]);
            fprintf(out, " %d %s\n", (int)error.kind, error.text ? error.text : "");
            error_clear(&error);
            cli_options_finish(&o);
        }
        recorded_end(&part, out, "options", shows);
    }
}

// ---- known values

static void say_known(FILE *record)
{
    static const char *const
        systems[] = { "dimensions = 2\ninteraction = coulomb\n",
                      "dimensions = 2\ninteraction = coulomb\nomega = 0.5\n",
                      "dimensions = 3\ninteraction = coulomb\nomega = 0.5\n",
                      "dimensions = 2\ninteraction = none\n",
                      "dimensions = 2\nomega = 0.8, 1.2\ninteraction = coulomb\n",
                      "dimensions = 1\ninteraction = harmonic\n",
                      "dimensions = 2\ninteraction = coulomb\nstatistics = fermions\nparticles = 6\n" },
        *const waves[] = { "rbm", "gaussian", "gaussian, pade-jastrow", "rbm, pade-jastrow", "slater, pade-jastrow" },
        *const machines[] = { "hidden = 2\n",
                              "hidden = 4\nsigma = 1\n",
                              "hidden = 2\nsigma = 1\ntrain_sigma = no\n",
                              "hidden = 1\ntrain_sigma = no\n",
                              "hidden = 2\ntrain_sigma = no\nrepresentation = probability\n",
                              "hidden = 3\nsigma = 1, 2\ntrain_sigma = no\n",
                              "hidden = 8\ntrain_sigma = yes\n" },
        *const more[] = {
            "",
            "[interaction]\nstrength = 0\n",
            "[optimizer]\niterations = 0\n",
            "[gaussian]\nalpha = 1\ntrain = no\n",
            "[optimizer]\niterations = 0\n[gaussian]\nalpha = 0.988541\n[pade-jastrow]\nbeta = 0.398627\n",
            "[optimizer]\niterations = 0\n[slater]\nalpha = 0.92294\n[pade-jastrow]\nbeta = 0.55872\n"
        };
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    size_t found = 0;
    for (size_t s = 0; s < 7; s++)
        for (size_t w = 0; w < 5; w++)
            for (size_t m = 0; m < (w == 0 || w == 3 ? 7 : 1); m++)
                for (size_t k = 0; k < 6; k++) {
                    char text[600];
                    struct scene scene;
                    struct reference_match matches[4];
                    const bool fermions = strstr(systems[s], "fermions");
                    snprintf(text, sizeof text, "[system]\n%s%s[wavefunction]\nfactors = %s\n%s%s%s",
                             fermions ? "" : "particles = 2\n", systems[s], waves[w], w == 0 || w == 3 ? "[rbm]\n" : "",
                             w == 0 || w == 3 ? machines[m] : "", more[k]);
                    if (!begin_scene(&scene, text, CONFIG_RUN, NULL))
                        continue;
                    const size_t most = k == 0 ? 1 : 4, n = cli_known_energies(&scene.settings, matches, most);
                    fprintf(out, "%zu %zu %zu %zu: %zu", s, w, m, k, n);
                    for (size_t i = 0; i < n; i++)
                        fprintf(out, " %s %.12g", matches[i].id, matches[i].value);
                    fputc('\n', out);
                    found += n > 0;
                    end_scene(&scene);
                }
    char name[60];
    snprintf(name, sizeof name, "known values of %zu", found);
    recorded_end(&part, out, name, shows);
}

// ---- points of a sweep

static void say_points(FILE *record)
{
    static const char *const sweeps[] = {
        "rbm.hidden = 1 | 2\nsystem.omega = 0.5 | 1 | 1e400x\n", "run.seed = 3:6:4\n",
        "gaussian.alpha = 1 | 2\nslater.alpha = 3\n", "wavefunction.load = a \"b\" | c\n",
        "optimizer.method = adam | sgd\nlearn.method = adam | inf\nsystem.interaction = none | coulomb\n"
    };
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    for (size_t s = 0; s < sizeof sweeps / sizeof *sweeps; s++) {
        struct config config = { .job = CONFIG_RUN };
        char text[400];
        snprintf(text, sizeof text, "[sweep]\n%s", sweeps[s]);
        if (!config_parse(&config, "f.ini", text, strlen(text), NULL))
            abort();
        struct cli_sweep job = { .config = &config };
        struct cli_sweep_work work = { .job = &job, .first = s % 2 };
        strcpy(work.output, s == 3 ? "out.d/\"a\"" : "out.h5");
        if (!sweep_read(&work.sweep, &config, NULL))
            fprintf(out, "not read\n");
        struct cli_table table;
        cli_table_start(&table, work.sweep.n_axes + 1);
        cli_sweep_heading(&work, &table);
        for (size_t k = work.first; k < work.sweep.n_points; k++) {
            char path[PATH_MAX];
            struct error error = { 0 };
            cli_sweep_row(&work, k, &table);
            for (size_t size = 12; size < 140; size += 9) {
                char title[200];
                memset(title, 'x', sizeof title);
                cli_sweep_title(&work, k, title, size);
                fprintf(out, "%.*s|\n", (int)size, title);
            }
            fprintf(out, "%d %s\n", cli_sweep_path(&work, k, path, &error), path);
            cli_sweep_json_start(&work, k, draw_text(), out);
            error_clear(&error);
        }
        cli_table_write(&table, out);
        cli_table_finish(&table);
        sweep_finish(&work.sweep);
        config_finish(&config);
    }
    for (int k = CLI_POINT_ABSENT; k <= CLI_POINT_OTHER; k++)
        fprintf(out, "%s\n", cli_sweep_state_name((enum cli_sweep_state)k));
    recorded_end(&part, out, "points", shows);
}

// ---- pictures of merged sweeps, from tables

static void write_table(size_t turn)
{
    static const char
        *const heads[] = { "path,run.seed,system.omega,rbm.hidden,sampler.method,energy,energy_error,variance",
                           "path,run.seed,system.omega,energy,energy_error", "\"a \"\"b\"\", c\",energy",
                           "system.omega,energy", "a_b.c_d,run.seed,energy_error,energy,x.y,u.v" },
               *const words[] = { "0.5", "1",     "2",   "3", "14", "\"hmc, tuned\"", "langevin", "\"say \"\"so\"\"\"",
                                  "",    "1e400", "nan", "-3" };
    FILE *file = fopen("t.csv", "w");
    const size_t columns = turn % 5 == 0   ? 8
                           : turn % 5 == 1 ? 5
                           : turn % 5 == 4 ? 6
                                           : 2,
                 n = turn == 3 ? 0 : 1 + pick(turn % 4 == 0 ? 40 : 9), kinds = 1 + pick(turn % 4 == 0 ? 12 : 5);
    if (turn == 2) {  // more columns than are read
        for (size_t k = 0; k < 260; k++)
            fprintf(file, "%sa.k%zu", k > 0 ? "," : "", k);
        fputs("\n1,2\n3\n", file);
    } else {
        fprintf(file, "%s%s", heads[turn % 5], turn % 7 == 6 && n == 0 ? "" : "\n");
    }
    for (size_t row = 0; row < n; row++)
        for (size_t c = 0; c < columns; c++) {
            const bool last = c + 1 == columns, number = columns == 6 ? c / 2 == 1 : c + 2 >= columns - (columns == 8);
            if (number)
                fprintf(file, "%.4g%s", (c % 2 == 0 ? 0 : 3) + (double)pick(100) / (c % 2 == 0 ? 1000 : 100),
                        last ? "\n" : ",");
            else
                fprintf(file, "%s%s", words[pick(kinds)], last ? (row % 5 == 4 && turn % 6 == 5 ? "" : "\n") : ",");
        }
    fclose(file);
}

static void say_tables_drawn(FILE *record)
{
    static const char *const bys[5][4] = { { NULL, "system.omega", "rbm.hidden,system.omega", "sampler.method" },
                                           { NULL, "run.seed", "system.omega,run.seed", "system.omega,nothing" },
                                           { NULL, "nothing", "", "energy" },
                                           { NULL, "system.omega", "energy", "," },
                                           { NULL, "a_b.c_d", "x.y,a_b.c_d,u.v", "run.seed,x.y" } };
    static const char *const pictures[] = { "p.png", "p.png", "p.svg", "p.pdf", "p.jpg", "p" };
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    char *words[] = { (char *)(uintptr_t) "t.h5", NULL }, *missing[] = { (char *)(uintptr_t) "nowhere.h5", NULL };
    size_t drawn = 0;
    for (size_t turn = 0; turn < 150; turn++) {
        struct error error = { 0 };
        struct cli_options options = { .by = bys[turn % 5][pick(4)],
                                       .n_words = 1,
                                       .words = turn == 7 ? missing : words };
        write_table(turn);
        const bool good = cli_plot_sweep(&options, out, pictures[pick(6)], &error);
        drawn += good;
        fprintf(out, "%d %d %s\n", good, (int)error.kind, error.text ? error.text : "");
        error_clear(&error);
    }
    char name[60];
    snprintf(name, sizeof name, "merged sweeps, %zu drawn", drawn);
    recorded_end(&part, out, name, shows);
}

// ---- places for results

static void say_targets(FILE *record)
{
    static const char *const outputs[] = { NULL,       "o.h5",      "folder",       "fifo",       "f.ini",
                                           "link.ini", "folder/",   "nowhere/o.h5", "foreign.h5", "f.ini/o.h5",
                                           "",         "broken.h5", "closed/o.h5" };
    static const char *const configs[] = { "f.ini", "dir.d/f", ".ini", "a.b.ini" };
    struct recorded_part part;
    FILE *out = recorded_begin(&part, record);
    FILE *file = fopen("f.ini", "w");
    fclose(file);
    file = fopen("foreign.h5", "w");
    fputs("nothing", file);
    fclose(file);
    if (mkdir("folder", 0700) != 0 || mkfifo("fifo", 0600) != 0 || symlink("f.ini", "link.ini") != 0 ||
        symlink("gone.h5", "broken.h5") != 0 || mkdir("closed", 0500) != 0)
        abort();
    for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++)
        for (size_t use = 0; use < 3; use++) {
            struct cli_target target;
            struct error error = { 0 };
            if (o == 12 && getuid() == 0)
                continue;
            bool good = cli_target_choose(&target, outputs[o], configs[o == 0 ? use : 0], &error);
            fprintf(out, "%s %zu: %d %s", outputs[o] ? outputs[o] : "-", use, good, target.path);
            good = good && cli_target_prepare(&target, "f.ini", (enum cli_target_use)use, &error);
            fprintf(out, "; %d '%s' %d %s; %d %s\n", good, target.kept, target.lock != NULL,
                    target.unwritable ? target.unwritable : "-", (int)error.kind, error.text ? error.text : "");
            cli_target_finish(&target);
            error_clear(&error);
        }
    char *longest = malloc(PATH_MAX + 8);
    for (size_t n = PATH_MAX - 6; n < PATH_MAX + 3; n++) {
        struct cli_target target;
        struct error error = { 0 };
        memset(longest, 'a', n);
        longest[n] = '\0';
        fprintf(out, "%d", cli_target_choose(&target, longest, "f.ini", &error));
        fprintf(out, "%d", cli_target_choose(&target, NULL, longest, &error));
        fprintf(out, " %s\n", error.text ? error.text : "");
        error_clear(&error);
    }
    free(longest);
    recorded_end(&part, out, "targets", shows);
}

int main(int argc, char **argv)
{
    char *now = NULL, folder[] = "/tmp/vmc-words-XXXXXX", record[PATH_MAX] = "";
    size_t length = 0;
    if (argc < 2)
        return 2;
    shows = strcmp(argv[1], "--show") == 0;
    if ((!shows && !realpath(argv[1], record)) || !mkdtemp(folder) || chdir(folder) != 0)
        return 2;
    unsetenv("TERM");
    unsetenv("NO_COLOR");
    signal(SIGPIPE, SIG_IGN);
    record_prepare_hdf5();
    rng_start(&dice, 2020, 0);
    FILE *out = shows ? stdout : open_memstream(&now, &length);
    void (*const say[])(FILE *) = { say_numbers, say_tables,        say_lines,     say_progress, say_reports,
                                    say_prints,  say_summaries,     say_estimates, say_learned,  say_keys,
                                    say_words,   say_options,       say_known,     say_points,   say_tables_drawn,
                                    say_targets, say_summary_bounds };
    for (size_t k = 0; k < sizeof say / sizeof *say; k++) {
        rng_start(&dice, 2020, k);  // one part changes, others do not
        say[k](out);
    }
    fclose(out);
    const int status = shows ? 0 : recorded_judge(record, argc > 2, now);
    free(now);
    char command[sizeof folder + 16];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? status : 2;
}
