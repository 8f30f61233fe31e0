// SPDX-License-Identifier: GPL-3.0-or-later
// A job array for Slurm. srun passes the signal before the time limit on to the program itself (a signal to the batch
// shell alone would kill that and leave the program running on); the program saves its state and says 75, and the
// script queues the job again. --requeue is for nodes that fail and for preemption: it does not cover time limits.
#include "cli/sweep_parts.h"

#include "cli/program.h"
#include "cli/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARRAY_MOST = 1000 };  // MaxArraySize is 1001 where nobody changed it

// 'text' for the shell, where it needs quotes.
static void write_word(FILE *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%";
    if (*text && text[strspn(text, plain)] == '\0') {
        fputs(text, out);
        return;
    }
    fputc('\'', out);
    for (; *text; text++)
        fputs(*text == '\'' ? "'\\''" : (char[]){ *text, '\0' }, out);
    fputc('\'', out);
}

static void write_option(FILE *out, const char *name, const char *value)
{
    fprintf(out, " \\\n    %s ", name);
    write_word(out, value);
}

// The path without links, or as it is.
static const char *absolute(const char *path, char text[PATH_MAX])
{
    if (!realpath(path, text))
        snprintf(text, PATH_MAX, "%s", path);
    return text;
}

// Of the configuration, of what a job's name may consist of.
static void write_job_name(FILE *out, const char *config)
{
    const char *slash = strrchr(config, '/'), *base = slash ? slash + 1 : config, *dot = strrchr(base, '.');
    size_t length = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    for (size_t k = 0; k < length; k++)
        fputc(strchr(" \t'\"\\%#", base[k]) ? '_' : base[k], out);
    fputc('\n', out);
}

static void write_head(FILE *out, const struct cli_sweep_work *work, size_t n_jobs)
{
    const struct cli_options *options = work->job->options;
    fputs("#!/bin/bash\n"
          "# A sweep as a Slurm job array: submit it with sbatch. Points that are complete are skipped and unfinished "
          "ones continued,\n"
          "# so that it can be submitted again after a failure. When all is done: vmc merge all.h5 ",
          out);
    char stem[PATH_MAX];
    snprintf(stem, sizeof stem, "%s", work->output);
    stem[sweep_stem(stem)] = '\0';
    write_word(out, stem);
    fprintf(out, "-[0-9][0-9][0-9][0-9]%s\n#SBATCH --job-name=", work->output + sweep_stem(work->output));
    write_job_name(out, options->config);
    fprintf(out,
            "#SBATCH --array=0-%zu\n"
            "#SBATCH --ntasks=1\n"
            "#SBATCH --cpus-per-task=%zu\n"
            "#SBATCH --time=%s\n"
            "# the program, not this shell, is told a minute before the time is up\n"
            "#SBATCH --signal=USR1@60\n"
            "#SBATCH --requeue\n"
            "#SBATCH --open-mode=append\n"
            "#SBATCH --output=%%x-%%A_%%a.log\n"
            "\n",
            n_jobs - 1, options->threads > 0 ? options->threads : 1, options->time ? options->time : "01:00:00");
}

static void write_points(FILE *out, const struct cli_sweep_work *work, size_t per_job)
{
    fputs(": \"${SLURM_ARRAY_TASK_ID:?no task: this is a Slurm job array, submit it with sbatch}\"\n", out);
    fprintf(out, "first=$((%zu + SLURM_ARRAY_TASK_ID * %zu))\n", work->first, per_job);
    if (per_job == 1) {
        fputs("points=$first\n", out);
        return;
    }
    fprintf(out, "last=$((first + %zu))\n", per_job - 1);
    fprintf(out, "points=$first-$((last < %zu ? last : %zu))\n", work->last, work->last);
}

static void write_command(FILE *out, const struct cli_sweep_work *work)
{
    const struct cli_options *options = work->job->options;
    char program[PATH_MAX], path[PATH_MAX];
    fputs("srun --cpus-per-task=\"$SLURM_CPUS_PER_TASK\" ", out);
    if (cli_program()->slurm_mpi)
        fprintf(out, "--mpi=%s ", cli_program()->slurm_mpi);
    write_word(out, absolute("/proc/self/exe", program));
    write_option(out, "--config", absolute(options->config, path));
    for (size_t k = 0; k < options->n_sets; k++)
        write_option(out, "--set", options->sets[k]);
    if (options->output)
        write_option(out, "--output", options->output);
    fputs(" \\\n    --task \"$points\" --resume\n", out);
}

bool cli_sweep_script(const struct cli_sweep_work *work, struct error *error)
{
    const struct cli_options *options = work->job->options;
    size_t per_job = options->per_job > 0 ? options->per_job : 1,
           n_jobs = (work->last - work->first + per_job) / per_job, length = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return error_add(error, ERROR_INTERNAL, "not enough memory");
    if (n_jobs > ARRAY_MOST && !options->quiet)
        cli_note("%zu jobs are more than most clusters allow in one array; put several points into each with --per-job",
                 n_jobs);
    write_head(out, work, n_jobs);
    write_points(out, work, per_job);
    write_command(out, work);
    fputs("status=$?\n"
          "\n"
          "# stopped before the end: what is there so far is saved, another turn continues it\n"
          "if [ \"$status\" -eq 75 ]; then\n"
          "    scontrol requeue \"$SLURM_JOB_ID\" && exit 0\n"
          "fi\n"
          "exit \"$status\"\n",
          out);
    return cli_print_stream(out, &text, error);
}
