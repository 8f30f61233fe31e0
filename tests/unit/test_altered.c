// SPDX-License-Identifier: GPL-3.0-or-later
// Files that are sealed and well, and yet are none that the program writes: each data set and attribute in turn is left
// out, or has other values, another shape, another type. What every command that reads files then says, and how it
// ends, against a record.
//
//     test_altered RECORD            compares: one alteration of many objects and one command each, in turn
//     test_altered RECORD all        one alteration of all objects, and all commands that read them
//     test_altered RECORD every      all alterations, in minutes
//     ... --write                    records anew
#include "cli/program.h"
#include "record/private.h"
#include "support/recorded.h"

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORDS = 24, TEXT_SIZE = 1 << 16, PATHS = 1024, PATH_SIZE = 128, SECONDS = 20 };

static const char run_ini[] =
    "[system]\nparticles = 2\ndimensions = 1\ninteraction = soft-coulomb\n[wavefunction]\nfactors = rbm\n[rbm]\nhidden "
    "= 1\n"
    "[optimizer]\niterations = 2\n[sampler]\nmethod = hmc\nwalkers = 32\nburn_in = 20\n[measure]\nsamples = 2560\n"
    "[run]\nseed = 1\n";
static const char load_ini[] =
    "[system]\nparticles = 2\ndimensions = 1\ninteraction = soft-coulomb\n[wavefunction]\nfactors = rbm\nload = x.h5\n"
    "[rbm]\nhidden = 1\n[optimizer]\niterations = 0\n[sampler]\nmethod = hmc\nwalkers = 32\nburn_in = 4\n"
    "[measure]\nsamples = 32\n[run]\nseed = 2\n";
static const char learn_ini[] = "[learn]\ndata = x.csv\nvisible = binary\nnegative = exact\nhidden = 1\niterations = "
                                "2\nsamples = 64\nposterior = yes\n"
                                "posterior_samples = 64\n[run]\nseed = 1\n";

// What is asked of x.h5, the altered file.
struct command {
    const char *name;
    const char *word[WORDS];
    const char *only;  // where what is altered begins so; "/": where it is the root, "*": always
};
static const struct command of_runs[] = {
    { "show",
      { "show", "x.h5" },
      " / /config/resolved /result /measurement/energy /training/end /training/stop /wavefunction" },
    { "verify", { "verify", "x.h5", "-q" }, " / /config/resolved /result /wavefunction" },
    { "resume", { "run.ini", "-o", "x.h5", "--resume", "-t", "1", "-q" }, " / /config /result" },
    { "more samples",
      { "run.ini", "-o", "x.h5", "--resume", "-t", "1", "-q", "-s", "measure.samples=2592" },
      " /checkpoint/measuring /training /measurement /provenance" },
    { "more iterations",
      { "run.ini", "-o", "x.h5", "--resume", "-t", "1", "-q", "-s", "optimizer.iterations=3" },
      " /checkpoint/training" },
    { "load", { "load.ini", "-o", "y.h5", "--force", "-t", "1", "-q" }, " /wavefunction /sampler" },
    { "merge",
      { "merge", "y.h5", "run.h5", "x.h5", "--force", "-q" },
      " / /result /config/system /config/run /training/energy /measurement/draw" },
    { NULL },
};
static const struct command of_machines[] = {
    { "show", { "show", "x.h5" }, " / /result /training/end /provenance /posterior /config/resolved" },
    { "resume", { "learn", "learn.ini", "-o", "x.h5", "--resume", "-t", "1", "-q" }, " *" },
    { "more iterations",
      { "learn", "learn.ini", "-o", "x.h5", "--resume", "-t", "1", "-q", "-s", "learn.iterations=3" },
      " /checkpoint /training" },
    { NULL },
};

static bool concerns(const struct command *command, const char *path)
{
    for (const char *only = command->only; *only == ' ';) {
        const size_t n = strcspn(++only, " ");
        if (*only == '*' || (n == 1 ? path[1] == '\0' : strncmp(path, only, n) == 0))
            return true;
        only += n;
    }
    return false;
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "w");
    if (!file || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        abort();
}

// ---- commands, each in a process of its own

struct answer {
    int code;  // < 0: the signal that ended it
    char said[TEXT_SIZE], complained[TEXT_SIZE];
};

static void take_text(const char *path, char text[TEXT_SIZE])
{
    FILE *file = fopen(path, "r");
    if (!file)
        abort();
    text[fread(text, 1, TEXT_SIZE - 1, file)] = '\0';
    fclose(file);
}

static void ask(const struct command *command, struct answer *answer)
{
    char *words[WORDS + 2] = { (char *)(uintptr_t) "vmc" };
    int n = 1, status;
    for (; command->word[n - 1]; n++)
        words[n] = (char *)(uintptr_t)command->word[n - 1];
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CPU, &(struct rlimit){ SECONDS, SECONDS });
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        if (!freopen("said", "w", stdout) || !freopen("complained", "w", stderr))
            _exit(99);
        const int code = cli_main(n, words, &(struct cli_program){ .name = "vmc", .sharing = 1, .local = 1 });
        fflush(NULL);
        _exit(code);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        abort();
    answer->code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    take_text("said", answer->said);
    take_text("complained", answer->complained);
}

// Lines that are not among `usual`.
static void print_unusual(FILE *out, char mark, const char *text, const char *usual)
{
    while (*text) {
        const size_t n = strcspn(text, "\n");
        char line[1024];
        snprintf(line, sizeof line, "%.*s\n", (int)n, text);
        if (!strstr(usual, line))
            fprintf(out, "    %c %s", mark, line);
        text += n + (text[n] == '\n');
    }
}

// ---- alterations

enum alteration { GONE, NO_NUMBER, NEGATIVE, HUGE_VALUES, LONGER, EMPTY, DEEPER, OTHER_TYPE, GROUP, ALTERATIONS };
static const char *const alterations[] = { "gone",  "no number", "negative",   "huge",   "one more",
                                           "empty", "deeper",    "other type", "a group" };

struct set {
    hid_t type, space;
    H5T_class_t class;
    int rank;
    hsize_t extent[4];
    size_t n;
};

static void make_set(hid_t file, const char *path, hid_t type, int rank, const hsize_t *extent)
{
    H5Ldelete(file, path, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(rank, extent, NULL);
    const hid_t set = H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (set < 0)
        abort();
    H5Dclose(set);
    H5Sclose(space);
}

static bool fill(hid_t file, const char *path, const struct set *set, double value)
{
    if (set->class == H5T_STRING)
        return false;
    double *values = malloc((set->n + 1) * sizeof *values);
    const hid_t id = H5Dopen2(file, path, H5P_DEFAULT);
    for (size_t k = 0; k < set->n; k++)
        values[k] = value;
    const bool good = (set->class == H5T_FLOAT || !isnan(value)) &&
                      H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    H5Dclose(id);
    free(values);
    return good;
}

// The same numbers with an axis more.
static bool deepen(hid_t file, const char *path, const struct set *set)
{
    if (set->class == H5T_STRING || set->rank > 2)
        return false;
    double *values = malloc((set->n + 1) * sizeof *values);
    hsize_t extent[4] = { 1, set->extent[0], set->extent[1] };
    hid_t id = H5Dopen2(file, path, H5P_DEFAULT);
    H5Dread(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(id);
    make_set(file, path, set->type, set->rank + 1, extent);
    id = H5Dopen2(file, path, H5P_DEFAULT);
    H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(id);
    free(values);
    return true;
}

static void make_text(hid_t file, const char *path)
{
    const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
    H5Tset_size(type, 8);
    H5Ldelete(file, path, H5P_DEFAULT);
    const hid_t set = H5Dcreate2(file, path, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    if (H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, "nonsense") < 0)
        abort();
    H5Dclose(set);
    H5Sclose(space);
    H5Tclose(type);
}

// False where there is no such thing.
static bool alter_set(hid_t file, const char *path, enum alteration how)
{
    const hid_t id = H5Dopen2(file, path, H5P_DEFAULT);
    struct set set = { .type = H5Dget_type(id), .space = H5Dget_space(id) };
    set.class = H5Tget_class(set.type);
    set.rank = H5Sget_simple_extent_dims(set.space, set.extent, NULL);
    set.n = (size_t)H5Sget_simple_extent_npoints(set.space);
    H5Dclose(id);
    hsize_t extent[4];
    memcpy(extent, set.extent, sizeof extent);
    bool good = true;
    switch (how) {
    case GONE: good = H5Ldelete(file, path, H5P_DEFAULT) >= 0; break;
    case NO_NUMBER: good = fill(file, path, &set, NAN); break;
    case NEGATIVE: good = fill(file, path, &set, -1); break;
    case HUGE_VALUES: good = fill(file, path, &set, set.class == H5T_FLOAT ? 1e300 : 0x1p62); break;
    case LONGER:
        extent[0] = set.rank > 0 ? extent[0] + 1 : 2;
        make_set(file, path, set.type, set.rank > 0 ? set.rank : 1, extent);
        break;
    case EMPTY:
        extent[0] = 0;
        make_set(file, path, set.type, set.rank > 0 ? set.rank : 1, extent);
        break;
    case DEEPER: good = deepen(file, path, &set); break;
    case OTHER_TYPE:
        if (set.class == H5T_STRING)
            make_set(file, path, H5T_NATIVE_DOUBLE, 0, extent);
        else
            make_text(file, path);
        break;
    case GROUP:
        H5Ldelete(file, path, H5P_DEFAULT);
        H5Gclose(H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        break;
    default: good = false;
    }
    H5Tclose(set.type);
    H5Sclose(set.space);
    return good;
}

// Of attributes: gone, a number in place of a text, and another text.
enum { ATTRIBUTE_ALTERATIONS = 3 };
static const char *const attribute_alterations[] = { "gone", "a number", "another text" };

static void alter_attribute(hid_t file, const char *path, const char *name, size_t how)
{
    const hid_t object = H5Oopen(file, path, H5P_DEFAULT), space = H5Screate(H5S_SCALAR), text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 8);
    H5Adelete(object, name);
    const hid_t type = how == 1 ? H5T_NATIVE_DOUBLE : text;
    if (how > 0) {
        const double value = -3;
        const hid_t id = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
        H5Awrite(id, type, how == 1 ? (const void *)&value : "nonsense");
        H5Aclose(id);
    }
    H5Tclose(text);
    H5Sclose(space);
    H5Oclose(object);
}

// ---- files

struct bytes {
    unsigned char *at;
    size_t n;
};

// Through a file of its own, which HDF5 marks as open for writing until it is closed.
static hid_t open_bytes(const struct bytes *bytes)
{
    write_file("open.h5", bytes->at, bytes->n);
    const hid_t file = H5Fopen("open.h5", H5F_ACC_RDWR, H5P_DEFAULT);
    if (file < 0)
        abort();
    return file;
}

static void seal_bytes(const struct bytes *bytes, const char *path)
{
    unsigned char *image = malloc(bytes->n + RECORD_SEAL_SIZE);
    memcpy(image, bytes->at, bytes->n);
    record_seal_make(image, bytes->n, image + bytes->n);
    write_file(path, image, bytes->n + RECORD_SEAL_SIZE);
    free(image);
}

static struct bytes read_all(const char *path)
{
    struct bytes bytes;
    if (record_read_file(path, &bytes.at, &bytes.n) != 0)
        abort();
    return bytes;
}

static struct bytes read_bytes(const char *path)
{
    struct bytes bytes = read_all(path);
    bytes.n -= RECORD_SEAL_SIZE;
    return bytes;
}

// Closes the file and leaves it at `path`, with its seal.
static void seal_file(hid_t file, const char *path)
{
    H5Fclose(file);
    const struct bytes bytes = read_all("open.h5");
    seal_bytes(&bytes, path);
    free(bytes.at);
}

// The times that it took are the machine's.
static void fix_times(const char *path)
{
    static const char *const times[] = { "/provenance/wall_time",      "/provenance/cpu_time",
                                         "/result/wall_time",          "/result/cpu_time",
                                         "/result/measuring_cpu_time", "/result/training_cpu_time" };
    struct bytes bytes = read_bytes(path);
    const hid_t file = open_bytes(&bytes);
    for (size_t k = 0; k < sizeof times / sizeof *times; k++)
        if (k < 2 || H5Lexists(file, times[k], H5P_DEFAULT) > 0) {
            const double seconds = 1 + (double)k;
            const hid_t id = H5Dopen2(file, times[k], H5P_DEFAULT);
            H5Dwrite(id, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &seconds);
            H5Dclose(id);
        }
    const hid_t root = H5Oopen(file, "/", H5P_DEFAULT), id = H5Aopen(root, "created", H5P_DEFAULT),
                type = H5Aget_type(id);
    const char *const created = "2020-02-02T20:20:20Z";
    H5Awrite(id, type, H5Tis_variable_str(type) > 0 ? (const void *)&created : created);
    H5Tclose(type);
    H5Aclose(id);
    H5Oclose(root);
    seal_file(file, path);
    free(bytes.at);
}

static double energy_of(const char *path)
{
    double energy = NAN;
    struct record_file *file = record_open(path, false, NULL);
    if (file)
        record_read_reals(file, "/result/energy", 1, &energy, NULL);
    record_close(file);
    return energy;
}

// ---- all of them

struct test {
    FILE *out;
    bool all, every;
    size_t asked;
    const char *path;
    const struct command *commands;
    struct bytes bytes;
    struct answer *usual;
    double energy[8];
    size_t counter, n_paths;
    char paths[PATHS][PATH_SIZE];
    bool is_group[PATHS];
};

static const char *written_by(const struct command *command)
{
    for (size_t k = 0; command->word[k]; k++)
        if (strcmp(command->word[k], "-o") == 0)
            return command->word[k + 1];
    return NULL;
}

static void describe(struct test *test, const char *path)
{
    struct answer answer;
    struct bytes now = read_bytes("x.h5");
    size_t concerned = 0, at = 0;
    for (size_t k = 0; test->commands[k].name; k++)
        concerned += concerns(&test->commands[k], path);
    const size_t chosen = concerned > 0 ? test->asked++ % concerned : 0;
    for (size_t k = 0; test->commands[k].name; k++) {
        const struct command *command = &test->commands[k];
        const char *written = written_by(command);
        if (!concerns(command, path) || (at++ != chosen && !test->all))
            continue;
        seal_bytes(&now, "x.h5");
        ask(command, &answer);
        const double energy = written && answer.code == 0 ? energy_of(written) : test->energy[k];
        const bool same = answer.code == test->usual[k].code && strcmp(answer.said, test->usual[k].said) == 0 &&
                          strcmp(answer.complained, test->usual[k].complained) == 0 &&
                          (energy == test->energy[k] || isnan(test->energy[k]));
        fprintf(test->out, "  %s: %s%d\n", command->name, same ? "as usual, " : "", answer.code);
        if (energy != test->energy[k] && !isnan(test->energy[k]))
            fprintf(test->out, "    energy %.5g\n", energy);
        print_unusual(test->out, '|', answer.said, test->usual[k].said);
        print_unusual(test->out, '!', answer.complained, test->usual[k].complained);
    }
    free(now.at);
}

static void vary_set(struct test *test, const char *path)
{
    for (size_t turn = 0, done = 0; turn < ALTERATIONS && (test->every || done == 0); turn++) {
        const enum alteration how = (enum alteration)((test->counter + turn) % ALTERATIONS);
        const hid_t file = open_bytes(&test->bytes);
        if (alter_set(file, path, how)) {
            seal_file(file, "x.h5");
            fprintf(test->out, "%s %s\n", path, alterations[how]);
            describe(test, path);
            done++;
        } else {
            H5Fclose(file);
        }
    }
    test->counter++;
}

static herr_t vary_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context)
{
    struct test *test = context;
    (void)object, (void)info;
    for (size_t how = 0; how < ATTRIBUTE_ALTERATIONS; how++) {
        if (strcmp(name, "DIMENSION_LIST") == 0 || strcmp(name, "REFERENCE_LIST") == 0 || strcmp(name, "digest") == 0 ||
            (!test->every && how != test->counter % ATTRIBUTE_ALTERATIONS))
            continue;
        const hid_t file = open_bytes(&test->bytes);
        alter_attribute(file, test->path, name, how);
        seal_file(file, "x.h5");
        fprintf(test->out, "%s@%s %s\n", test->path, name, attribute_alterations[how]);
        describe(test, test->path);
    }
    test->counter++;
    return 0;
}

static void vary_attributes(struct test *test, const char *path)
{
    const hid_t file = open_bytes(&test->bytes), object = H5Oopen(file, path, H5P_DEFAULT);
    test->path = path;
    H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, vary_attribute, test);
    H5Oclose(object);
    H5Fclose(file);
}

static herr_t list(hid_t file, const char *name, const H5O_info_t *info, void *context)
{
    struct test *test = context;
    (void)file;
    snprintf(test->paths[test->n_paths], PATH_SIZE, "/%s", strcmp(name, ".") == 0 ? "" : name);
    test->is_group[test->n_paths] = info->type == H5O_TYPE_GROUP;
    return ++test->n_paths < PATHS ? 0 : -1;
}

static bool has_telling_attributes(const char *path)
{
    return strcmp(path, "/") == 0 || strncmp(path, "/config/", 8) == 0 ||
           (strncmp(path, "/wavefunction/", 14) == 0 && !strchr(path + 14, '/'));
}

// In the short form one in so many: settings, and words about the machine, are all read alike.
static size_t times_of(const char *path)
{
    static const struct {
        const char *group;
        size_t times;
    } many[] = { { "/config/", 12 },     { "/provenance/", 8 }, { "/observables/", 8 },
                 { "/controls/", 8 },    { "/checkpoint/", 5 }, { "/result/", 3 },
                 { "/measurement/", 3 }, { "/training/", 2 },   { "/posterior/", 2 } };
    for (size_t k = 0; k < sizeof many / sizeof *many; k++)
        if (strncmp(path, many[k].group, strlen(many[k].group)) == 0)
            return many[k].times;
    return 1;
}

// Whatever else is altered: times that no job has, and parts of states that files of another format lack.
static void vary_told(struct test *test)
{
    static const struct {
        const char *path;
        enum alteration how;
    } told[] = { { "/provenance/wall_time", NO_NUMBER },      { "/provenance/cpu_time", NEGATIVE },
                 { "/result/wall_time", NO_NUMBER },          { "/result/cpu_time", NEGATIVE },
                 { "/checkpoint/measuring/rungs", GONE },     { "/checkpoint/measuring/histogram_sums", GONE },
                 { "/checkpoint/measuring/positions", GONE }, { "/checkpoint/training/best_parameters", GONE },
                 { "/checkpoint/training/rungs", GONE } };
    for (size_t t = 0; t < sizeof told / sizeof *told; t++)
        for (size_t k = 0; k < test->n_paths; k++) {
            if (strcmp(test->paths[k], told[t].path) != 0)
                continue;
            const hid_t file = open_bytes(&test->bytes);
            alter_set(file, told[t].path, told[t].how);
            seal_file(file, "x.h5");
            fprintf(test->out, "%s %s\n", told[t].path, alterations[told[t].how]);
            test->asked = 0;
            describe(test, told[t].path);
        }
}

static void vary(struct test *test, const char *path)
{
    test->bytes = read_bytes(path);
    test->n_paths = 0;
    test->counter = test->asked = 0;
    for (size_t k = 0; test->commands[k].name; k++) {
        const char *written = written_by(&test->commands[k]);
        seal_bytes(&test->bytes, "x.h5");
        ask(&test->commands[k], &test->usual[k]);
        test->energy[k] = written ? energy_of(written) : NAN;
        fprintf(test->out, "== %s, %s: %d\n", path, test->commands[k].name, test->usual[k].code);
    }
    const hid_t file = open_bytes(&test->bytes);
    H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_INC, list, test, H5O_INFO_BASIC);
    H5Fclose(file);
    for (size_t k = 0; k < test->n_paths; k++) {
        const char *object = test->paths[k];
        if (!test->all && k % times_of(object) > 0)
            continue;
        if (!test->is_group[k])
            vary_set(test, object);
        if (has_telling_attributes(object))
            vary_attributes(test, object);
    }
    vary_told(test);
    free(test->bytes.at);
}

static bool make(const struct command *command, const char *path)
{
    struct answer answer;
    ask(command, &answer);
    if (answer.code != 0)
        fprintf(stderr, "%s: %d %s\n", path, answer.code, answer.complained);
    else
        fix_times(path);
    return answer.code == 0;
}

int main(int argc, char **argv)
{
    char *now = NULL, folder[] = "/tmp/vmc-altered-XXXXXX", record[PATH_MAX];
    size_t length = 0;
    static struct answer usual[8];
    if (argc < 2 || !realpath(argv[1], record) || !mkdtemp(folder) || chdir(folder) != 0)
        return 2;
    record_prepare_hdf5();
    write_file("run.ini", run_ini, sizeof run_ini - 1);
    write_file("load.ini", load_ini, sizeof load_ini - 1);
    write_file("learn.ini", learn_ini, sizeof learn_ini - 1);
    FILE *csv = fopen("x.csv", "w");
    for (unsigned k = 0; csv && k < 40; k++)
        fprintf(csv, "%u,%u\n", k * k % 17 < 8, k * 5 % 13 < 7);
    fclose(csv);
    static struct test test;
    test.every = argc > 2 && strcmp(argv[2], "every") == 0;
    test.all = test.every || (argc > 2 && strcmp(argv[2], "all") == 0);
    test.usual = usual;
    test.out = open_memstream(&now, &length);
    const bool good =
        make(&(struct command){ "run", { "run.ini", "-o", "run.h5", "-t", "1", "-q" }, "" }, "run.h5") &&
        make(&(struct command){ "learn", { "learn", "learn.ini", "-o", "learn.h5", "-t", "1", "-q" }, "" }, "learn.h5");
    test.commands = of_runs;
    if (good)
        vary(&test, "run.h5");
    test.commands = of_machines;
    if (good)
        vary(&test, "learn.h5");
    fclose(test.out);
    const int status = good ? recorded_judge(record, strcmp(argv[argc - 1], "--write") == 0, now) : 2;
    free(now);
    char command[sizeof folder + 16];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? status : 2;
}
