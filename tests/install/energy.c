// SPDX-License-Identifier: GPL-3.0-or-later
// A program of a user of libvmc: the energy of a configuration.
//
//     cc energy.c $(pkg-config --cflags --libs vmc) -o energy && ./energy twoparticles.ini
#include <stdio.h>
#include <vmc/run.h>

int main(int argc, char **argv)
{
    struct config config = { 0 };
    struct settings settings = { 0 };
    struct error error = { 0 }, notes = { 0 };
    struct run_result result;
    const struct run_options options = { .threads = 1, .output = "energy.h5", .command = "energy" };
    const bool good = argc == 2 && config_read(&config, argv[1], &error) &&
                      settings_build(&settings, &config, &error, &notes) &&
                      run_execute(&settings, &options, &result, &error);
    if (good)
        printf("%.6f %.6f\n", result.energy, result.energy_error);
    else
        fprintf(stderr, "%s\n", error.text ? error.text : "usage: energy FILE.ini");
    settings_finish(&settings);
    config_finish(&config);
    error_clear(&error);
    error_clear(&notes);
    return !good;
}
