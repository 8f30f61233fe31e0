// SPDX-License-Identifier: GPL-3.0-or-later
// Mean of the bell s (1 - s) = 1/(4 cosh^2(theta/2)) over a normally distributed theta, for the kinetic energy of the
// probability form (docs/theory.md, eq. 8.5). With g = s (1 - s): d/dcentre <g> = <g'>, g' = g (1 - 2 s); d/dvariance
// <g> = <g''>/2, g'' = g (1 - 6 g). Trapezoid rule: g has its nearest poles at +-i pi, so steps h in theta leave e^(-2
// pi^2 / h); steps k in standard deviations leave e^(-2 pi^2 / k^2). Check: variance 0, centre 0: 1/4.
#include "referee/parts.h"

#include <math.h>

struct referee_bell referee_bell(double centre, double variance)
{
    static const double reach = 8.6, range = 45, root_two_pi = 2.5066282746310002;
    struct referee_bell sum = { 0, 0, 0 };
    const double width = sqrt(variance), step = width > 0 ? fmin(0.5, 0.45 / width) : 1;
    const double low = width > 0 ? fmax(-reach, (-range - centre) / width) : 0,
                 high = width > 0 ? fmin(reach, (range - centre) / width) : 0;
    for (double k = ceil(low / step); k * step <= high; k++) {
        const double z = k * step, theta = centre + width * z, e = exp(-fabs(theta)),
                     s = copysign((1 - e) / (1 + e), theta);
        const double g = e / ((1 + e) * (1 + e)), weight = width > 0 ? step / root_two_pi * exp(-0.5 * z * z) : 1;
        sum.mean += weight * g;
        sum.by_centre -= weight * g * s;  // 1 - 2 s = -tanh(theta/2)
        sum.by_variance += 0.5 * weight * g * (1 - 6 * g);
    }
    return sum;
}
