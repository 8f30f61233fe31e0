// SPDX-License-Identifier: GPL-3.0-or-later
// The factors that are products over pairs, ln phi = sum_{p<q} f(r_pq), all at once: every tile of distances is shown
// to all of them, and their slopes are turned into gradients together. One weight serves them all.
#ifndef VMC_WAVEFUNCTION_PAIR_PRODUCT_H
#define VMC_WAVEFUNCTION_PAIR_PRODUCT_H

#include "vmc/wavefunction.h"

// On frames, as the functions of the same names of the whole product.
void pair_product_weigh(const struct wavefunction *wavefunction, double *frame);
void pair_product_evaluate(const struct wavefunction *wavefunction, unsigned how, double *frame);
void pair_product_refresh(const struct wavefunction *wavefunction, double *frame);
void pair_product_ratio(const struct wavefunction *wavefunction, size_t p, const double *frame, double *trial);
// Adds grad_p ln phi at x, [D] rows.
void pair_product_particle_gradient(const struct wavefunction *wavefunction, size_t p, const double *x,
                                    double *gradient);
void pair_product_accept(const struct wavefunction *wavefunction, size_t p, const double *mask, const double *trial,
                         double *frame);
// o: [n_parameters] rows, of which those of pair factors are filled.
void pair_product_derivatives(const struct wavefunction *wavefunction, const double *frame, double *o);
// The same where the rows of features lie, of which those are the O_k.
void pair_product_features(const struct wavefunction *wavefunction, const double *frame, double *rows);
size_t pair_product_scratch_rows(const struct wavefunction *wavefunction);
void pair_product_accumulate(const struct wavefunction *wavefunction, const double *frame, const double *c,
                             const double *du, double *scratch, double *sums);

#endif
