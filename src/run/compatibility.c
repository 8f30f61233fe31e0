// SPDX-License-Identifier: GPL-3.0-or-later
// Near a contact two particles move relative to one another as one of reduced mass 1/2. For ln|psi| ~ s ln r + a r +
// ... in a partial wave l, the local energy is finite beside g / r^2 + lambda / r where (docs/theory.md, eq. 3.7)
//     s (s + D - 2) - l (l + D - 2) = g,   a (2 s + D - 1) = lambda.
// l = 0 but for parallel spins, where antisymmetry makes it 1; what a factor declares as its power of r has the r of
// the p wave in it.
#include "run/compatibility.h"

#include <math.h>
#include <stdio.h>

static const char *class_name(const struct system *system, size_t class)
{
    return system->statistics == STATISTICS_BOSONS ? ""
           : class == PAIR_PARALLEL                ? " with parallel spins"
                                                   : " with antiparallel spins";
}

struct contact {
    double power, slope;  // of psi
    double angular;       // l (l + D - 2)
    double right_slope;
    double strength;  // of the 1 / r^2 that psi makes up for
};

static struct contact contact_of(const struct hamiltonian *hamiltonian, const struct factor_traits *traits,
                                 size_t class)
{
    const double dimensions = (double)hamiltonian->system.dimensions;
    const bool p_wave = class == PAIR_PARALLEL && traits->has_nodes;
    struct contact contact = { traits->contact[class].power, traits->contact[class].slope, p_wave ? dimensions - 1 : 0,
                               0, 0 };
    contact.strength = contact.power * (contact.power + dimensions - 2) - contact.angular;
    contact.right_slope = 2 * contact.power + dimensions > 1
                              ? hamiltonian->contact.inverse / (2 * contact.power + dimensions - 1)
                              : NAN;
    return contact;
}

static bool differs(double found, double right) { return !(fabs(found - right) <= 1e-6 * (fabs(right) + 1e-6)); }

static bool check_core(const struct hamiltonian *hamiltonian, const struct factor_traits *traits, struct error *error)
{
    const double core = hamiltonian->contact.core;
    if (core == 0 || traits->core >= core)
        return true;
    if (traits->core > 0)
        return error_add(
            error, ERROR_CONFIG,
            "[hard-core] diameter = %g: smaller than the spheres, which would overlap; use %g (or auto) in [hard-core] "
            "diameter",
            traits->core, core);
    return error_add(error, ERROR_CONFIG,
                     "[system] interaction = hard-sphere: psi must vanish where two particles are closer than %g, "
                     "which no factor does; "
                     "add hard-core to wavefunction.factors",
                     core);
}

static bool check_node(const struct hamiltonian *hamiltonian, const struct factor_traits *traits,
                       const struct contact *contact, size_t class, struct error *error)
{
    if (!hamiltonian->contact.node || traits->core > 0 || contact->power > 0)
        return true;
    return error_add(error, ERROR_CONFIG,
                     "[system] interaction = %s: in one dimension psi must vanish where two particles%s meet, which no "
                     "factor does; add "
                     "power to wavefunction.factors%s",
                     hamiltonian->type->name, class_name(&hamiltonian->system, class),
                     hamiltonian->contact.inverse > 0 ? ", or use interaction = soft-coulomb" : "");
}

static bool check_power(const struct hamiltonian *hamiltonian, const struct factor_traits *traits,
                        const struct contact *contact, size_t class, struct error *error)
{
    const double g = hamiltonian->contact.inverse_square, half = 0.5 * ((double)hamiltonian->system.dimensions - 2);
    const double right = sqrt(fmax(0, half * half + g + contact->angular)) - half;
    if (g == 0 || traits->core > 0 || !differs(contact->power, right))
        return true;
    return error_add(error, ERROR_CONFIG,
                     "[system] interaction = %s: psi goes as r^%g where two particles%s meet, and beside %g/r^2 the "
                     "local energy is finite "
                     "only for r^%g; add power to wavefunction.factors, with power.mu = %.17g",
                     hamiltonian->type->name, contact->power, class_name(&hamiltonian->system, class), g, right,
                     right - (contact->angular > 0 || (class == PAIR_PARALLEL && traits->has_nodes) ? 1 : 0));
}

bool compatibility_check(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction,
                         struct error *error)
{
    struct factor_traits traits;
    wavefunction_traits(wavefunction, &traits);
    if (hamiltonian->system.particles == 1)
        return true;
    if (!check_core(hamiltonian, &traits, error))
        return false;
    for (size_t class = 0; class < PAIR_CLASSES; class ++) {
        const struct contact contact = contact_of(hamiltonian, &traits, class);
        if (system_class_pairs(&hamiltonian->system, class) > 0 &&
            (!check_node(hamiltonian, &traits, &contact, class, error) ||
             !check_power(hamiltonian, &traits, &contact, class, error)))
            return false;
    }
    return true;
}

// Beside 1 - a / r the other powers of r decide the curvature at contact: r^mu (r - a) / r has f'' + (D - 1) f' / r = 0
// at r = a for mu = (3 - D) / 2.
static void note_core(const struct factor_traits *traits, const struct contact *contact, double dimensions,
                      void (*note)(const char *text, void *context), void *context)
{
    const double right = 0.5 * (3 - dimensions);
    char text[300];
    if (traits->has_nodes || contact->slope != 0 || !differs(contact->power, right))
        return;
    snprintf(text, sizeof text,
             "psi goes as r^%g (1 - %g/r) where two cores touch, and in %g dimension%s the local energy has a pole "
             "there; %s",
             contact->power, traits->core, dimensions, dimensions > 1 ? "s" : "",
             right == 0            ? "leave power out of wavefunction.factors"
             : contact->power == 0 ? "add power to wavefunction.factors"
                                   : "use power.mu = auto");
    note(text, context);
}

// A wave function without a slope is the plain one, whose pole the control variates take out; a slope that is there but
// wrong is a slip.
void compatibility_note(const struct hamiltonian *hamiltonian, const struct wavefunction *wavefunction,
                        void (*note)(const char *text, void *context), void *context)
{
    struct factor_traits traits;
    char text[300];
    wavefunction_traits(wavefunction, &traits);
    for (size_t class = 0; class < PAIR_CLASSES; class ++) {
        const struct contact contact = contact_of(hamiltonian, &traits, class);
        const char *name = class_name(&hamiltonian->system, class);
        if (system_class_pairs(&hamiltonian->system, class) == 0)
            continue;
        if (traits.core > 0) {
            note_core(&traits, &contact, (double)hamiltonian->system.dimensions, note, context);
            return;
        }
        if (contact.slope != 0 && differs(contact.slope, contact.right_slope)) {
            snprintf(text, sizeof text,
                     "psi has the slope %g where two particles%s meet, and the local energy a pole 1/r there; the "
                     "right cusp is %g",
                     contact.slope, name, contact.right_slope);
            note(text, context);
        }
        if (hamiltonian->contact.inverse_square == 0 && differs(contact.strength, 0)) {
            snprintf(text, sizeof text,
                     "psi goes as r^%g where two particles%s meet, and the local energy has a pole 1/r^2 there, since "
                     "the pair force has "
                     "none; leave power out of wavefunction.factors%s",
                     contact.power, name, hamiltonian->system.dimensions == 1 ? ", or use power.mu = 1" : "");
            note(text, context);
        }
    }
}

// Energies and densities of identical particles do not need it that walkers change the order of particles on a line:
// |psi|^2 is the same in all orders. An RBM, which tells particles apart, makes them differ.
void compatibility_note_sampler(const struct sampler_type *sampler, const struct wavefunction *wavefunction,
                                void (*note)(const char *text, void *context), void *context)
{
    struct factor_traits traits;
    char text[300];
    wavefunction_traits(wavefunction, &traits);
    const bool powers = traits.contact[PAIR_ANTIPARALLEL].power > 0 || traits.contact[PAIR_PARALLEL].power > 0,
               bars = wavefunction->system.dimensions == 1 && wavefunction->system.particles > 1 &&
                      (powers || traits.core > 0);
    if (sampler->redraws && powers && !traits.has_nodes) {
        snprintf(text, sizeof text,
                 "sampler.method = %s draws places as the RBM alone would have them, but power takes particles where "
                 "those hardly ever lie, and walkers stick there; use metropolis or langevin",
                 sampler->name);
        note(text, context);
    }
    if (bars && traits.symmetry == FACTOR_UNSYMMETRIC)
        note("particles on a line that seldom pass one another: an rbm tells them apart, so that their orders differ "
             "in |psi|^2, and walkers keep for long to the order they began in; use rbm.sharing = environment or "
             "pairs, or another factor",
             context);
}
