// SPDX-License-Identifier: GPL-3.0-or-later
// The panels of scripts/plot.py as a script for gnuplot.
#include "cli/plot_parts.h"

#include "vmc/record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Okabe and Ito's colours, told apart by the colour-blind and in grey.
static const char *const colours[] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000" };
enum { COLOURS = sizeof colours / sizeof *colours, COLUMNS_MOST = 6 };

bool cli_plot_head(FILE *out, const char *picture, size_t columns, size_t rows, struct error *error)
{
    static const struct {
        const char *end, *terminal;
        double scale;
    } kinds[] = { { ".png", "pngcairo font 'sans,11' fontscale 1.5 linewidth 1.5 pointscale 1.5", 144 },
                  { ".svg", "svg font 'sans,11'", 96 },
                  { ".pdf", "pdfcairo font 'sans,11'", 1 } };
    const char *end = strrchr(picture, '.');
    size_t k = 0;
    while (k < 3 && (!end || strcmp(end, kinds[k].end) != 0))
        k++;
    if (k == 3)
        return error_add(error, ERROR_USAGE, "pictures by gnuplot: allowed: a name that ends in .png, .svg or .pdf");
    fprintf(out, "set terminal %s size %g,%g\nset border 3\nset tics nomirror\nset key noenhanced\n", kinds[k].terminal,
            5 * kinds[k].scale * (double)columns, 3.8 * kinds[k].scale * (double)rows);
    for (size_t c = 0; c < COLOURS; c++)
        fprintf(out, "set linetype %zu lc rgb '%s' pt %zu\n", c + 1, colours[c], 5 + 2 * c % 8);
    fprintf(out, "set linetype cycle %d\n", COLOURS);
    return true;
}

// ---- numbers of a file

// malloc'ed; NULL where there is no such array
static double *read_array(struct record_file *file, const char *path, size_t *n)
{
    size_t rank, extent[3] = { 1, 1, 1 };
    if (!record_has(file, path) || !record_shape(file, path, &rank, extent, NULL))
        return NULL;
    *n = 1;
    for (size_t k = 0; k < rank; k++)
        *n *= extent[k];
    double *values = calloc(*n + 1, sizeof *values);
    if (values && record_read_reals(file, path, *n, values, NULL))
        return values;
    free(values);
    return NULL;
}

// "$name_k << EOD", a line per value, columns side by side; an empty line, which breaks curves, where `keep` refuses
// rows
static void write_block(FILE *out, const char *kind, size_t k, size_t n, size_t n_columns, double *const *column,
                        bool (*keep)(double *const *column, size_t row))
{
    bool kept = false;
    fprintf(out, "$%s_%zu << EOD\n", kind, k);
    for (size_t row = 0; row < n; row++) {
        const bool keeps = !keep || keep(column, row);
        if (kept && !keeps)
            fputs("\n", out);
        kept = keeps;
        for (size_t c = 0; keeps && c < n_columns; c++)
            fprintf(out, "%.10g%c", column[c][row], c + 1 < n_columns ? ' ' : '\n');
    }
    fputs("EOD\n", out);
}

// ---- curves with errors

struct curve {
    const char *kind, *x, *y, *error;
    const char *title, *x_label, *y_label;
    const char *line;    // a scalar of the file, drawn dashed; NULL: none
    const char *before;  // settings of the panel
    bool points;
    bool (*keep)(double *const *column, size_t row);
};

// Where pairs were seen at all, and often enough for an error to tell something.
static bool has_error(double *const *column, size_t row)
{
    return isfinite(column[1][row]) && column[1][row] > 0 && column[2][row] < 0.5;
}

static const struct curve curves[] = {
    { "training", "/training/iteration", "/training/energy", "/training/energy_error", "training (dashed: measured)",
      "training iteration", "energy (ħω_0)", "/result/energy", "set key top right", false, NULL },
    { "blocking", "/measurement/blocking/draws", "/measurement/blocking/error", "/measurement/blocking/error_error",
      "blocking (dashed: error bar)", "draws in a block", "error of the energy (ħω_0)", "/result/energy_error",
      "set logscale x 2; set offsets 0, 0, 0, 0; set yrange [0:*]; set key bottom right", true, NULL },
    { "density", "/observables/radius", "/observables/density_radial", "/observables/density_radial_error",
      "radial density", "distance from the centre (a_0)", "density", NULL, "set offsets 0, 0, 0, 0; set yrange [0:*]",
      false, NULL },
    { "pairs", "/observables/distance", "/observables/g", "/observables/g_error",
      "pair distribution over the uncorrelated one", "distance of two particles (a_0)", "g", NULL,
      "set offsets 0, 0, 0, 0; set yrange [0:*]", false, has_error },
};
enum { CURVES = sizeof curves / sizeof *curves };

struct panel {
    const struct cli_options *options;
    FILE *out;
    const struct cli_plot_line *lines;
    size_t n_lines;
};

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void begin_panel(const struct panel *panel, const char *title, const char *x, const char *y, const char *before)
{
    fprintf(panel->out,
            "unset logscale\nset autoscale\nset offsets 0, 0, graph 0.05, graph 0.05\nset size noratio\nunset "
            "colorbox\nset key top right\nset title \"%s\" "
            "noenhanced\nset xlabel \"%s\"\nset ylabel \"%s\"\n%s\n",
            title, x, y, before);
}

static void write_title(const struct panel *panel, size_t k, const char *words)
{
    if (panel->options->n_words > 1)
        fprintf(panel->out, " title \"%s%s\"", name_of(panel->options->words[k]), words);
    else
        fputs(" notitle", panel->out);
}

static void draw_known(const struct panel *panel)
{
    for (size_t k = 0; k < panel->n_lines; k++)
        fprintf(panel->out, ", %s lc rgb 'black' dt %zu title \"%s %s\"", panel->lines[k].value, 3 + k % 3,
                panel->lines[k].label, panel->lines[k].value);
}

// What a density is counted per depends on the dimensions.
static void label_with_unit(const struct panel *panel, struct record_file *file, const struct curve *curve)
{
    char *unit = record_read_attribute(file, curve->y, "units", NULL);
    if (unit)
        fprintf(panel->out, "set ylabel \"%s (%s)\"\n", curve->y_label, unit);
    free(unit);
}

static size_t draw_curve(const struct panel *panel, const struct curve *curve, struct record_file *const *file)
{
    const size_t n_files = panel->options->n_words;
    size_t drawn = 0, n = 0;
    bool *there = calloc(n_files, sizeof *there);
    double *line = calloc(n_files, sizeof *line);
    for (size_t k = 0; there && line && k < n_files; k++) {
        double *column[3] = { read_array(file[k], curve->x, &n), read_array(file[k], curve->y, &n),
                              read_array(file[k], curve->error, &n) };
        there[k] = column[0] && column[1] && column[2] && n > 0;
        if (there[k])
            write_block(panel->out, curve->kind, k, n, 3, column, curve->keep);
        line[k] = NAN;
        if (curve->line && record_has(file[k], curve->line) &&
            !record_read_reals(file[k], curve->line, 1, &line[k], NULL))
            line[k] = NAN;
        for (size_t c = 0; c < 3; c++)
            free(column[c]);
    }
    begin_panel(panel, curve->title, curve->x_label, curve->y_label, curve->before);
    if (strcmp(curve->kind, "density") == 0)
        label_with_unit(panel, file[0], curve);
    for (size_t k = 0; there && line && k < n_files; k++) {
        if (!there[k])
            continue;
        fprintf(panel->out,
                "%s$%s_%zu using 1:($2-$3):($2+$3) with filledcurves lt %zu fs transparent solid 0.3 "
                "noborder notitle, ",
                drawn++ == 0 ? "plot " : ", ", curve->kind, k, k + 1);
        if (curve->points)
            fprintf(panel->out, "$%s_%zu using 1:2:3 with yerrorlines lt %zu", curve->kind, k, k + 1);
        else
            fprintf(panel->out, "$%s_%zu using 1:2 with lines lt %zu", curve->kind, k, k + 1);
        write_title(panel, k, "");
        if (isfinite(line[k]))
            fprintf(panel->out, ", %.10g with lines lt %zu dt 2 notitle", line[k], k + 1);
    }
    if (drawn > 0 && strcmp(curve->kind, "training") == 0)
        draw_known(panel);
    if (drawn > 0 && strcmp(curve->kind, "pairs") == 0)
        fputs(", 1 with lines lc rgb 'grey' dt 3 notitle", panel->out);
    fputs("\n", panel->out);
    free(there);
    free(line);
    return drawn;
}

// ---- the others

enum { WALKERS_SHOWN = 4 };

// draw, mean over the walkers, four of them
static bool write_series(const struct panel *panel, size_t k, struct record_file *file)
{
    size_t n = 0, all = 0;
    double *draw = read_array(file, "/measurement/draw", &n), *energy = read_array(file, "/measurement/energy", &all),
           *mean = calloc(n + 1, sizeof *mean);
    const size_t walkers = n > 0 ? all / n : 0;
    const bool good = draw && energy && mean && walkers > 0;
    for (size_t i = 0; good && i < n * walkers; i++)
        mean[i % n] += energy[i] / (double)walkers;
    if (good) {
        double *column[2 + WALKERS_SHOWN] = { draw, mean };
        for (size_t w = 0; w < WALKERS_SHOWN; w++)
            column[2 + w] = energy + (w < walkers ? w : 0) * n;
        write_block(panel->out, "series", k, n, 2 + WALKERS_SHOWN, column, NULL);
    }
    free(draw);
    free(energy);
    free(mean);
    return good;
}

static size_t draw_series(const struct panel *panel, struct record_file *const *file)
{
    size_t drawn = 0;
    char text[4096] = "";
    for (size_t k = 0; k < panel->options->n_words; k++)
        if (write_series(panel, k, file[k]) && drawn < 8) {
            const size_t used = strlen(text);
            snprintf(
                text + used, sizeof text - used,
                "%sfor [c=3:%d] $series_%zu using 1:c with lines lt %zu lw 0.4 notitle, $series_%zu using 1:2 with "
                "lines lt %zu lw 2 title \"%.100s\"",
                drawn++ == 0 ? "plot " : ", ", 2 + WALKERS_SHOWN, k, k + 1, k, k + 1,
                panel->options->n_words > 1 ? name_of(panel->options->words[k]) : "");
        }
    begin_panel(panel, "four walkers, and the mean of all", "draw", "energy (ħω_0)", "");
    fprintf(panel->out, "%s\n", text);
    return drawn;
}

static size_t draw_plane(const struct panel *panel, size_t k, struct record_file *file)
{
    size_t nx = 0, ny = 0, n = 0;
    double *x = read_array(file, "/observables/x", &nx), *y = read_array(file, "/observables/y", &ny),
           *density = read_array(file, "/observables/density_2d", &n);
    const bool good = x && y && density && n == nx * ny;
    if (good) {
        fprintf(panel->out, "$plane_%zu << EOD\n", k);
        for (size_t i = 0; i < nx; i++)
            for (size_t j = 0; j < ny; j++)
                fprintf(panel->out, "%.6g %.6g %.6g\n", x[i], y[j], density[i * ny + j]);
        fputs("EOD\n", panel->out);
        begin_panel(panel, "density", "x (a_0)", "y (a_0)",
                    "set offsets 0, 0, 0, 0; set size ratio -1; set colorbox; set cblabel 'density (1/a_0^2)'; set "
                    "palette defined (0 '#440154', 1 "
                    "'#3b528b', 2 '#21918c', 3 '#5ec962', 4 '#fde725')");
        if (panel->options->n_words > 1)
            fprintf(panel->out, "set title \"density: %s\" noenhanced\n", name_of(panel->options->words[k]));
        fprintf(panel->out, "plot [%.6g:%.6g] [%.6g:%.6g] $plane_%zu using 1:2:3 with image notitle\n", x[0], x[nx - 1],
                y[0], y[ny - 1], k);
    }
    free(x);
    free(y);
    free(density);
    return good;
}

static size_t draw_kind(const struct panel *panel, const char *kind, struct record_file *const *file)
{
    size_t drawn = 0;
    for (size_t k = 0; k < CURVES; k++)
        if (strcmp(kind, curves[k].kind) == 0)
            return draw_curve(panel, &curves[k], file);
    if (strcmp(kind, "series") == 0)
        return draw_series(panel, file);
    for (size_t k = 0; k < panel->options->n_words; k++)
        drawn += draw_plane(panel, k, file[k]);
    return drawn;
}

// ---- all of it

static bool draw_all(const struct panel *panel, const char *picture, struct record_file *const *file,
                     struct error *error)
{
    static const char *const kinds[] = { "training", "blocking", "series", "density", "pairs", "plane" };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    const char *what = panel->options->what && strcmp(panel->options->what, "overview") != 0 ? panel->options->what
                                                                                             : NULL;
    size_t chosen = KINDS;
    for (size_t k = 0; what && k < KINDS; k++)
        chosen = strcmp(what, kinds[k]) == 0 ? k : chosen;
    if (what && chosen == KINDS)
        return error_add(
            error, ERROR_USAGE,
            "--what %s: allowed: overview, training, blocking, series, density, plane, pairs, and sweep of a "
            "merged file",
            what);
    const size_t planes = panel->options->n_words,
                 n = !what                 ? KINDS - 1 + planes
                     : chosen == KINDS - 1 ? planes
                                           : 1,
                 columns = n < 3 ? n : 3, rows = (n + columns - 1) / columns;
    if (!cli_plot_head(panel->out, picture, columns, rows, error))
        return false;
    fprintf(panel->out, "set output '%s'\nset multiplot layout %zu,%zu\n", picture, rows, columns);
    for (size_t k = 0; k < KINDS; k++)
        if ((!what || k == chosen) && draw_kind(panel, kinds[k], file) == 0)
            fputs("set multiplot next\n", panel->out);
    fputs("unset multiplot\nunset output\n", panel->out);
    return true;
}

bool cli_plot_panels(const struct cli_options *options, FILE *out, const char *picture,
                     const struct cli_plot_line *lines, size_t n_lines, struct error *error)
{
    const struct panel panel = { options, out, lines, n_lines };
    struct record_file **file = calloc(options->n_words, sizeof(struct record_file *));
    bool good = file || error_add(error, ERROR_INTERNAL, "not enough memory");
    for (size_t k = 0; good && k < options->n_words; k++)
        good = (file[k] = record_open(options->words[k], false, error)) != NULL;
    good = good && draw_all(&panel, picture, file, error);
    for (size_t k = 0; file && k < options->n_words; k++)
        if (file[k])
            record_close(file[k]);
    free(file);
    return good;
}
