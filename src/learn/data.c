// SPDX-License-Identifier: GPL-3.0-or-later
// Samples from HDF5 or text. Nothing is guessed: what is no finite number, or cannot be a state of the machine, is
// refused with its place.
#include "vmc/learn.h"

#include "vmc/record.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMPLAINTS_MOST = 5, VALUES_MOST_BITS = 40 };

struct reader {
    struct learn_data *data;
    enum machine_kind kind;
    const char *path;
    struct error *error;
    size_t complaints;
    // text
    size_t line, room;
    char separator;  // 0: white space
    bool headed;     // the names of the columns were there
    size_t *lines;   // line of each sample, for messages
};

static bool complain(struct reader *reader, const char *place, const char *what)
{
    if (reader->complaints++ < COMPLAINTS_MOST)
        error_add(reader->error, ERROR_INPUT, "%s%s%s", reader->path, place, what);
    return false;
}

void learn_data_finish(struct learn_data *data)
{
    free(data->values);
    *data = (struct learn_data){ .n = 0 };
}

// What is wrong with a value, or NULL.
static const char *refuse_value(enum machine_kind kind, double value)
{
    if (!isfinite(value))
        return "is not finite";
    if (kind == MACHINE_BINARY && value != 0 && value != 1)
        return value == -1 ? "is neither 0 nor 1; for -1 and 1 use visible = spins"
                           : "is neither 0 nor 1, as visible = binary asks for";
    if (kind == MACHINE_SPINS && value != -1 && value != 1)
        return value == 0 ? "is neither -1 nor 1; for 0 and 1 use visible = binary"
                          : "is neither -1 nor 1, as visible = spins asks for";
    return NULL;
}

// ---- text

// "17: column 3"
static bool complain_column(struct reader *reader, size_t column, const char *text, const char *what)
{
    char place[96], words[200];
    snprintf(place, sizeof place, ":%zu: column %zu: ", reader->line, column);
    snprintf(words, sizeof words, "'%.60s' %s", text, what);
    return complain(reader, place, words);
}

static char find_separator(const char *line) { return strchr(line, ',') ? ',' : strchr(line, ';') ? ';' : '\0'; }

// The next field of a line, trimmed; NULL past the last.
static char *next_field(char **rest, char separator)
{
    if (!*rest)
        return NULL;
    char *field = *rest, *end;
    field += strspn(field, " \t");
    if (separator) {
        end = strchr(field, separator);
        *rest = end ? end + 1 : NULL;
    } else {
        if (*field == '\0')
            return NULL;
        end = field + strcspn(field, " \t");
        *rest = *end ? end + 1 : NULL;
    }
    if (end)
        *end = '\0';
    size_t length = strlen(field);
    while (length > 0 && isspace((unsigned char)field[length - 1]))
        field[--length] = '\0';
    return field;
}

static bool parse_number(const char *field, double *value)
{
    char *end;
    errno = 0;
    *value = strtod(field, &end);
    return *field != '\0' && *end == '\0' && !strpbrk(field, "xX");
}

static bool make_room(struct reader *reader)
{
    struct learn_data *data = reader->data;
    if (data->n < reader->room)
        return true;
    const size_t room = reader->room > 0 ? 2 * reader->room : 1024;
    double *values = data->m > 0 && room > ((size_t)1 << VALUES_MOST_BITS) / data->m
                         ? NULL
                         : realloc(data->values, room * data->m * sizeof *values);
    if (values)
        data->values = values;
    size_t *lines = realloc(reader->lines, room * sizeof *lines);
    if (lines)
        reader->lines = lines;
    reader->room = room;
    return (values && lines) || error_add(reader->error, ERROR_INTERNAL, "%s: no memory for the samples", reader->path);
}

// The first line says how many columns there are; or, without any number, their names.
static bool read_first(struct reader *reader, const char *line)
{
    char *copy = strdup(line), *rest = copy, *field;
    bool heading = !reader->headed;
    double value;
    size_t n = 0;
    if (!copy)
        return error_add(reader->error, ERROR_INTERNAL, "%s: no memory for the samples", reader->path);
    reader->separator = find_separator(line);
    for (; (field = next_field(&rest, reader->separator)); n++)
        heading = heading && *field && !parse_number(field, &value);
    free(copy);
    reader->headed = reader->headed || heading;
    reader->data->m = heading ? 0 : n;
    return true;
}

static bool read_sample(struct reader *reader, char *line)
{
    struct learn_data *data = reader->data;
    char *rest = line, *field;
    size_t column = 0;
    bool good = true;
    if (!make_room(reader))
        return false;
    double *sample = data->values + data->n * data->m;
    while ((field = next_field(&rest, reader->separator))) {
        double value = 0;
        const char *refusal = !*field                        ? "is empty; a number is needed"
                              : !parse_number(field, &value) ? "is not a number"
                                                             : refuse_value(reader->kind, value);
        if (refusal)
            good = complain_column(reader, column + 1, field, refusal);
        if (column < data->m)
            sample[column] = value;
        column++;
    }
    if (column != data->m) {
        char words[160];
        snprintf(words, sizeof words, ":%zu: %zu column%s, the lines before have %zu", reader->line, column,
                 column == 1 ? "" : "s", data->m);
        good = complain(reader, words, "");
    }
    reader->lines[data->n++] = reader->line;
    return good;
}

static bool read_line(struct reader *reader, char *line, size_t length)
{
    if (memchr(line, '\0', length)) {
        char place[40];
        snprintf(place, sizeof place, ":%zu: ", reader->line);
        return complain(reader, place, "holds a NUL byte; this is no text file");
    }
    line[strcspn(line, "#\r\n")] = '\0';
    if (line[strspn(line, " \t")] == '\0')
        return true;
    if (reader->data->m == 0 && !read_first(reader, line))
        return false;
    return reader->data->m == 0 || read_sample(reader, line);
}

static bool read_text(struct reader *reader)
{
    FILE *file = fopen(reader->path, "re");
    char *line = NULL;
    size_t room = 0;
    ssize_t length = 0;
    bool good = true;
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0 || S_ISDIR(status.st_mode)) {
        good = error_add(reader->error, ERROR_INPUT, "%s: cannot be read: %s", reader->path,
                         file ? "it is a folder" : strerror(errno));
        if (file)
            fclose(file);
        return good;
    }
    while (reader->complaints < COMPLAINTS_MOST && (length = getline(&line, &room, file)) >= 0) {
        reader->line++;
        good = read_line(reader, line, (size_t)length) && good;
        if (reader->error && reader->error->kind == ERROR_INTERNAL)
            break;
    }
    if (length < 0 && !feof(file))
        good = error_add(reader->error, ERROR_INPUT, "%s: cannot be read to its end: %s", reader->path,
                         strerror(errno));
    free(line);
    fclose(file);
    return good;
}

// ---- HDF5

static bool complain_element(struct reader *reader, size_t k, const char *what)
{
    char words[200];
    snprintf(words, sizeof words, ": sample %zu, coordinate %zu (counted from 1): %g %s", k / reader->data->m + 1,
             k % reader->data->m + 1, reader->data->values[k], what);
    return complain(reader, words, "");
}

static bool take_shape(struct reader *reader, size_t rank, const size_t extent[3])
{
    struct learn_data *data = reader->data;
    data->n = rank > 0 ? extent[0] : 1;
    data->m = 1;
    for (size_t d = 1; d < rank; d++)
        data->m *= extent[d];
    data->dimensions = rank == 3 ? extent[2] : 0;
    if (rank == 0)
        return complain(reader, "", ": is a single number; [sample, coordinate] is needed");
    if (data->n == 0 || data->m == 0)
        return complain(reader, "", ": holds no samples");
    return data->m <= ((size_t)1 << VALUES_MOST_BITS) / data->n || complain(reader, "", ": is too large");
}

static bool read_dataset(struct reader *reader, const char *file_path, const char *dataset)
{
    size_t rank, extent[3];
    char path[PATH_MAX];
    struct learn_data *data = reader->data;
    struct record_file *file = record_open(file_path, true, reader->error);
    if (!file)
        return false;
    snprintf(path, sizeof path, "%s%s", *dataset == '/' ? "" : "/", dataset);
    bool good = record_has(file, path) || complain(reader, "", ": there is no such data set");
    good = good && record_shape(file, path, &rank, extent, reader->error) && take_shape(reader, rank, extent);
    if (good && !(data->values = malloc(data->n * data->m * sizeof *data->values)))
        good = error_add(reader->error, ERROR_INTERNAL, "%s: no memory for the samples", reader->path);
    good = good && record_read_reals(file, path, data->n * data->m, data->values, reader->error);
    for (size_t k = 0; good && k < data->n * data->m; k++) {
        const char *refusal = refuse_value(reader->kind, data->values[k]);
        if (refusal)
            complain_element(reader, k, refusal);
    }
    record_close(file);
    return good && reader->complaints == 0;
}

// ---- both

// A unit that never changes pins a bias at infinity, and a width at zero.
static bool check_columns(struct reader *reader)
{
    const struct learn_data *data = reader->data;
    for (size_t i = 0; i < data->m; i++) {
        size_t k = 1;
        while (k < data->n && data->values[k * data->m + i] == data->values[i])
            k++;
        if (k < data->n)
            continue;
        char words[200];
        snprintf(words, sizeof words, ": column %zu is %g in all %zu samples%s; leave it out", i + 1, data->values[i],
                 data->n, "");
        if (reader->lines)
            snprintf(words, sizeof words,
                     ":%zu: column %zu is %g from here to line %zu, in all %zu samples; leave it out", reader->lines[0],
                     i + 1, data->values[i], reader->lines[data->n - 1], data->n);
        complain(reader, words, "");
    }
    return reader->complaints == 0;
}

// In the current folder, or else beside the configuration.
static void find_file(const char *path, const char *config, char found[PATH_MAX])
{
    const char *slash = config ? strrchr(config, '/') : NULL;
    snprintf(found, PATH_MAX, "%s", path);
    if (*path == '/' || access(path, F_OK) == 0 || !slash)
        return;
    char beside[PATH_MAX];
    const int length = snprintf(beside, sizeof beside, "%.*s/%s", (int)(slash - config), config, path);
    if (length > 0 && length < PATH_MAX && access(beside, F_OK) == 0)
        memcpy(found, beside, (size_t)length + 1);
}

static bool names_hdf5(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcmp(dot, ".h5") == 0 || strcmp(dot, ".hdf5") == 0 || strcmp(dot, ".nc") == 0);
}

bool learn_data_read(struct learn_data *data, const char *where, const char *config, enum machine_kind kind,
                     struct error *error)
{
    char path[PATH_MAX], file[PATH_MAX];
    const char *colon = strrchr(where, ':');
    struct reader reader = { .data = data, .kind = kind, .path = path, .error = error };
    bool good;
    *data = (struct learn_data){ .n = 0 };
    // a text file may have a colon in its name
    if (colon && access(where, F_OK) != 0) {
        char alone[PATH_MAX];
        snprintf(alone, sizeof alone, "%.*s", (int)(colon - where), where);
        find_file(alone, config, file);
        if ((size_t)snprintf(path, sizeof path, "%s%s", file, colon) >= sizeof path)
            path[sizeof path - 1] = '\0';
        good = read_dataset(&reader, file, colon + 1);
    } else {
        find_file(where, config, path);
        good = names_hdf5(path) ? error_add(error, ERROR_INPUT, "%s: which data set? Write %s:dataset", path, where)
                                : read_text(&reader);
        if (good && data->n == 0)
            good = complain(&reader, "", ": holds no samples");
    }
    if (good && data->n < 2)
        good = complain(&reader, "", ": holds one sample; at least two are needed");
    good = good && check_columns(&reader);
    free(reader.lines);
    if (reader.complaints > COMPLAINTS_MOST)
        error_add(error, ERROR_INPUT, "%s: %zu more of the kind", path, reader.complaints - COMPLAINTS_MOST);
    if (!good)
        learn_data_finish(data);
    return good;
}
