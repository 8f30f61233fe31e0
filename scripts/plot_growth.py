#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Growth of the time per step with particles and hidden units: a picture, the exponents, and the worst step between neighbouring sizes.

    build/tests/time_steps --growth > growth.json
    scripts/plot_growth.py growth.json docs/growth.svg
"""
import json
import math
import sys
from pathlib import Path

WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN = 720, 440, 70, 50, 20
COLOURS = ('#1b6ca8', '#c0392b', '#2e7d32')


def series(sizes):
    """(label, what varies, [(size, ns)]) of the three scans of time_steps."""
    scans = (('particles, 50 hidden units', 'particles', [s for s in sizes if s['hidden'] == 50 and s['particles'] not in (20, 100)] +
              [s for s in sizes if s['hidden'] == 50 and s['particles'] in (20, 100)]),
             ('hidden units, 20 particles', 'hidden', [s for s in sizes if s['particles'] == 20]),
             ('hidden units, 100 particles', 'hidden', [s for s in sizes if s['particles'] == 100]))
    for label, key, rows in scans:
        yield label, sorted({row[key]: row['ns'] for row in rows}.items())


def exponent(points):
    """Slope of ln ns against ln size by least squares."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    x0, y0 = (sum(column) / len(logs) for column in zip(*logs))
    return sum((x - x0) * (y - y0) for x, y in logs) / sum((x - x0) ** 2 for x, _ in logs)


def worst_step(points):
    """Largest ratio of a time to what its neighbours give by interpolation of the logarithms, and where."""
    found = []
    for (x0, y0), (x1, y1), (x2, y2) in zip(points, points[1:], points[2:]):
        share = (math.log(x1) - math.log(x0)) / (math.log(x2) - math.log(x0))
        found.append((y1 / (y0 ** (1 - share) * y2 ** share), x1))
    return max(found)


def draw(curves, level):
    ys = [y for _, points in curves for _, y in points]
    x_range, y_range = (2, 500), (10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys))))

    def place(value, limits, start, end):
        return start + (end - start) * math.log(value / limits[0]) / math.log(limits[1] / limits[0])

    def at(x, y):
        return place(x, x_range, LEFT, WIDTH - MARGIN), place(y, y_range, HEIGHT - BOTTOM, MARGIN)

    yield (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">'
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for x in (2, 5, 10, 20, 50, 100, 200, 500):
        px, top, base = at(x, y_range[1])[0], MARGIN, HEIGHT - BOTTOM
        yield f'<path d="M{px:.1f} {top}V{base}" stroke="#ddd"/><text x="{px:.1f}" y="{base + 18}" text-anchor="middle">{x}</text>'
    y = y_range[0]
    while y <= y_range[1]:
        py = at(2, y)[1]
        yield f'<path d="M{LEFT} {py:.1f}H{WIDTH - MARGIN}" stroke="#ddd"/><text x="{LEFT - 8}" y="{py + 4:.1f}" text-anchor="end">{y:g}</text>'
        y *= 10
    yield f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 10}" text-anchor="middle">particles, or hidden units</text>'
    yield f'<text transform="translate(18 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">ns per Langevin step of one walker, 3D ({level})</text>'
    for k, (label, points) in enumerate(curves):
        colour = COLOURS[k]
        path = ' '.join(f'{px:.1f},{py:.1f}' for px, py in (at(*p) for p in points))
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        for p in points:
            yield '<circle cx="{:.1f}" cy="{:.1f}" r="3" fill="{}"/>'.format(*at(*p), colour)
        yield f'<text x="{LEFT + 16}" y="{MARGIN + 20 + 18 * k}" fill="{colour}">{label}</text>'
    yield '</svg>'


def main(source, picture):
    out = json.loads(Path(source).read_text(encoding='utf-8'))
    curves = list(series(out['sizes']))
    for label, points in curves:
        upper = points[-(len(points) // 3):]
        ratio, where = worst_step(points)
        print(f'{label}: exponent {exponent(points):.2f}, upper third {exponent(upper):.2f}; worst step {ratio:.2f} times the trend, at {where}')
    Path(picture).write_text('\n'.join(draw(curves, out['level'])) + '\n', encoding='utf-8')


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
