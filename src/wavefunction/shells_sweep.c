// SPDX-License-Identifier: GPL-3.0-or-later
// All of a move in one place, and all moves of a few walkers before those of the next few: what they need (the
// inverse of a spin, distances, coordinates: 42 KB for 20 particles and 16 walkers) then stays in the nearest caches
// for the whole sweep, for which the first two lie by lines (base/rows.h). The moves are those of metropolis.c by way
// of slater_moves.c and pade_jastrow_rows.c; only what a move adds to a pair is taken as one fraction,
//     r / (1 + beta r) - r' / (1 + beta r') = (r - r') / ((1 + beta r) (1 + beta r')),
// so that both ways make the same walk, and weights that are the same to rounding.
#include "wavefunction/shells_sweep.h"

#include "wavefunction/pade_jastrow.h"
#include "wavefunction/pair_row.h"
#include "wavefunction/shells.h"
#include "wavefunction/shells_chunk.h"

extern const struct factor_type factor_slater, factor_pade_jastrow;

enum { PARTICLES_MOST = 2 * SHELLS_MOST };
// Packs whose running sums are found side by side: they fit in registers, and no sum waits for itself.
enum { TILE = 2 };

// A particle that moves: where to, and what is found there. [side]
struct move {
    size_t p;
    pack x[2 * ROW_PACKS], r[PARTICLES_MOST * ROW_PACKS], functions[SHELLS_MOST * ROW_PACKS];
    pack ratio[ROW_PACKS], mantissa[ROW_PACKS], exponent[ROW_PACKS], pair_exponent[ROW_PACKS];
};

PACK_INLINE size_t pairs_of(size_t particles) { return particles * (particles - 1) / 2; }
// From one pack of a tile to the next, of what lies by lines
PACK_INLINE size_t next_pack(size_t n) { return (int)LINE < (int)TILE ? n : 1; }

// What a move adds to sum r / (1 + beta r), as above / below.
struct fraction {
    pack above[TILE], below[TILE];
};

PACK_INLINE void propose(const struct chunk *chunk, size_t side, size_t p, struct move *move)
{
    const struct sweep_draws *draws = &chunk->draws;
    const pack *row = (const pack *)rows_at_const(draws->rows, 3 * p) + chunk->l;
    const pack step = pack_all(draws->step), stretch = pack_all(draws->stretch), shift = pack_all(-draws->shift);
    for (size_t d = 0; d < 2; d++)
        for (size_t s = 0; s < side; s++)
            move->x[d * side + s] = pack_fma(step, pack_fma(stretch, row[d * ROW_PACKS + s], shift),
                                             chunk->x[(2 * p + d) * side + s]);
    move->p = p;
}

// Distances of pack s to particles from `first` up to `end` (to p itself a number that nobody reads).
PACK_INLINE void find_distances(const struct chunk *chunk, size_t side, size_t s, size_t first, size_t end,
                                struct move *move)
{
    const pack *other = chunk->x + first * 2 * side + s, x = move->x[s], y = move->x[side + s];
    pack *to = move->r + first * side + s;
    SHELLS_UNROLLED
    for (size_t q = first; q < end; q++, other += 2 * side, to += side) {
        const pack dx = x - other[0], dy = y - other[side];
        *to = pack_sqrt(pack_fma(dy, dy, dx * dx));
    }
}

// Pairs with particles of one class, `end` not included, all before p or all behind it, of the tile from t on.
PACK_INLINE void add_pairs(const struct chunk *chunk, size_t side, size_t t, size_t particles, size_t p, pack beta,
                           bool behind, size_t first, size_t end, const struct move *move, struct fraction *sum)
{
    const size_t pair = behind ? pair_row_number(first, p) : pair_row_number(p, first);
    const pack *old = chunk->r + rows_by_lines(pairs_of(particles), pair, t), *new = move->r + first *side + t;
    struct fraction change = *sum;
    for (size_t q = first; q < end; q++, new += side) {
        ROWS_UNROLLED
        for (size_t s = 0; s < TILE; s++) {
            const pack r = new[s], r_old = old[s * next_pack(pairs_of(particles))];
            const pack b = pack_fma(beta, r, pack_all(1.0)) * pack_fma(beta, r_old, pack_all(1.0));
            change.above[s] = pack_fma(change.above[s], b, (r - r_old) * change.below[s]);
            change.below[s] *= b;
        }
        old += (behind ? q : 1) * LINE;
    }
    *sum = change;
}

PACK_INLINE void find_pairs(const struct chunk *chunk, size_t side, size_t t, bool is_up, size_t p, size_t up,
                            size_t particles, struct move *move)
{
    const struct pairing same = chunk->same, opposite = chunk->opposite;
    struct fraction own, other;  // of the same spin, of the other one
    for (size_t s = 0; s < TILE; s++) {
        own.above[s] = other.above[s] = pack_all(0.0);
        own.below[s] = other.below[s] = pack_all(1.0);
    }
    add_pairs(chunk, side, t, particles, p, opposite.beta, false, 0, is_up ? 0 : up, move, &other);
    add_pairs(chunk, side, t, particles, p, same.beta, false, is_up ? 0 : up, p, move, &own);
    add_pairs(chunk, side, t, particles, p, same.beta, true, p + 1, is_up ? up : particles, move, &own);
    add_pairs(chunk, side, t, particles, p, opposite.beta, true, up, is_up ? particles : up, move, &other);
    ROWS_UNROLLED
    for (size_t s = 0; s < TILE; s++) {
        const pack above = pack_fma(same.cusp * own.above[s], other.below[s],
                                    opposite.cusp * other.above[s] * own.below[s]);
        move->pair_exponent[t + s] = pack_fma(pack_all(2.0), above / (own.below[s] * other.below[s]),
                                              chunk->pair_exponent[t + s]);
    }
}

PACK_INLINE void find_ratio(const struct chunk *chunk, size_t side, size_t s, size_t top, const pack *own,
                            struct move *move)
{
    const size_t n = shells_orbitals(top);
    pack functions[SHELLS_MOST], spread = pack_all(0.0);
    shells_functions(top, chunk->scale[0] * move->x[s], chunk->scale[1] * move->x[side + s], functions);
    SHELLS_UNROLLED
    for (size_t k = 0; k < n; k++)
        move->functions[k * side + s] = functions[k];
    const pack ratio = move->ratio[s] = shells_dot(n, functions, 1, own, LINE, pack_all(0.0));
    for (size_t d = 0; d < 2; d++) {
        const pack now = move->x[d * side + s], before = chunk->x[(2 * move->p + d) * side + s];
        spread = pack_fma(chunk->omega[d] * (now - before), now + before, spread);
    }
    move->mantissa[s] = chunk->mantissa[s] * (ratio * ratio);
    move->exponent[s] = pack_fma(pack_all(-chunk->alpha), spread, chunk->exponent[s]);
    if (pack_any((move->mantissa[s] > 0x1p40) | (move->mantissa[s] < 0x1p-40)))
        slater_tidy(&move->mantissa[s], &move->exponent[s]);
}

// B of the walkers of pack s that accept. Meanwhile the divider takes the roots of the move that comes next, if any.
PACK_INLINE void update(size_t side, size_t s, size_t n, size_t p, pack_bits mask, const struct move *move,
                        const struct chunk *chunk, struct move *next)
{
    pack *b = chunk->b + rows_by_lines(n * n, 0, s);
    const pack inverse = pack_select(mask, 1.0 / move->ratio[s], pack_all(0.0)),
               scale = pack_select(mask, inverse, pack_all(1.0)), *functions = move->functions + s;
    pack *own = b + p * n * LINE, mine[SHELLS_MOST];
    SHELLS_UNROLLED
    for (size_t k = 0; k < n; k++)
        mine[k] = own[k * LINE];
    for (size_t q = 0; q < n; q++) {
        pack *one = b + q * n * LINE, row[SHELLS_MOST], sum[2] = { { 0 } };
        if (next)
            find_distances(chunk, side, s, 2 * q, 2 * q + 2, next);
        if (q == p)
            continue;
        SHELLS_UNROLLED
        for (size_t k = 0; k < n; k++) {
            row[k] = one[k * LINE];
            sum[k % 2] = pack_fma(functions[k * side], row[k], sum[k % 2]);
        }
        sum[0] = (sum[0] + sum[1]) * -inverse;
        SHELLS_UNROLLED
        for (size_t k = 0; k < n; k++)
            one[k * LINE] = pack_fma(sum[0], mine[k], row[k]);
    }
    SHELLS_UNROLLED
    for (size_t k = 0; k < n; k++)
        own[k * LINE] = mine[k] * scale;
}

PACK_INLINE void take_over(size_t side, size_t s, size_t p, size_t particles, pack_bits mask, const struct move *move,
                           struct chunk *chunk)
{
    const pack *new = move->r + s;
    for (size_t d = 0; d < 2; d++) {
        pack *x = &chunk->x[(2 * p + d) * side + s];
        *x = pack_select(mask, move->x[d * side + s], *x);
    }
    pack *r = chunk->r + rows_by_lines(pairs_of(particles), p > 0 ? pair_row_number(p, 0) : 0, s);
    for (size_t q = 0; q < p; q++, r += LINE)
        *r = pack_select(mask, new[q * side], *r);
    r = chunk->r + rows_by_lines(pairs_of(particles), pair_row_number(p + 1, p), s);
    for (size_t q = p + 1; q < particles; r += q++ * LINE)
        *r = pack_select(mask, new[q * side], *r);
    chunk->mantissa[s] = pack_select(mask, move->mantissa[s], chunk->mantissa[s]);
    chunk->exponent[s] = pack_select(mask, move->exponent[s], chunk->exponent[s]);
    chunk->pair_exponent[s] = pack_select(mask, move->pair_exponent[s], chunk->pair_exponent[s]);
}

// u < |psi'/psi|^2
PACK_INLINE pack_bits decide(const struct chunk *chunk, const struct move *move, size_t s)
{
    const pack uniform = ((const pack *)rows_at_const(chunk->draws.rows, 3 * move->p + 2))[chunk->l + s];
    const pack exponent = (move->exponent[s] - chunk->exponent[s]) + (move->pair_exponent[s] - chunk->pair_exponent[s]);
    return uniform * chunk->mantissa[s] < move->mantissa[s] * pack_exp(exponent);
}

// Particle p of the spin whose first is number `first`; `next`, if any, moves after it: its distances are found here.
PACK_INLINE void move_one(struct chunk *chunk, size_t side, size_t top, size_t first, size_t p, struct move *move,
                          struct move *next)
{
    const size_t n = shells_orbitals(top), particles = 2 * n;
    pack_bits mask[ROW_PACKS];
    if (next)
        propose(chunk, side, first + p + 1, next);
    for (size_t t = 0; t < side; t += TILE) {
        ROWS_UNROLLED
        for (size_t s = t; s < t + TILE; s++) {
            if (first + p == 0)
                find_distances(chunk, side, s, 1, particles, move);
            find_ratio(chunk, side, s, top, chunk->b + rows_by_lines(n * n, p * n, s), move);
        }
        find_pairs(chunk, side, t, first == 0, first + p, n, particles, move);
        ROWS_UNROLLED
        for (size_t s = t; s < t + TILE; s++) {
            mask[s] = decide(chunk, move, s);
            chunk->accepted += mask[s];
        }
    }
    for (size_t s = 0; s < side; s++)
        if (pack_any(mask[s])) {
            take_over(side, s, first + p, particles, mask[s], move, chunk);
            update(side, s, n, p, mask[s], move, chunk, next);
        } else if (next) {
            find_distances(chunk, side, s, 0, particles, next);
        }
}

PACK_INLINE void move_spin(struct chunk *chunk, size_t side, size_t top, size_t first, struct move moves[2])
{
    const size_t n = shells_orbitals(top);
    for (size_t p = 0; p + 1 < n; p++)
        move_one(chunk, side, top, first, p, moves + (first + p) % 2, moves + (first + p + 1) % 2);
    move_one(chunk, side, top, first, n - 1, moves + (first + n - 1) % 2, first ? NULL : moves + n % 2);
}

// Two particles: all walkers at once.
PACK_INLINE void sweep_rows(size_t top, const struct chunk *rows, pack *const b[SPINS], struct chunk *chunk)
{
    *chunk = *rows;
    struct move moves[2];
    propose(chunk, ROW_PACKS, 0, moves);
    SHELLS_UNROLLED
    for (size_t spin = 0; spin < SPINS; spin++) {
        chunk->b = b[spin];
        move_spin(chunk, ROW_PACKS, top, spin * shells_orbitals(top), moves);
    }
}

PACK_INLINE void copy_lines(size_t n, size_t side, size_t stride_from, const pack *from, size_t stride_to, pack *to)
{
    for (size_t k = 0; k < n; k++, from += stride_from, to += stride_to)
        ROWS_UNROLLED
    for (size_t s = 0; s < side; s++)
        to[s] = from[s];
}

// More: line after line of them, with copies of their coordinates.
PACK_INLINE void sweep_lines(size_t side, size_t top, const struct chunk *rows, pack *const b[SPINS], struct chunk *sum)
{
    const size_t n = shells_orbitals(top);
    pack x[4 * SHELLS_MOST * ROW_PACKS];
    struct chunk own = *rows, *const chunk = &own;  // which no row that is written to changes
    chunk->x = x;
    for (size_t l = chunk->l = 0; l < ROW_PACKS; l = chunk->l += side) {
        chunk->r = rows->r + rows_by_lines(pairs_of(2 * n), 0, l);
        chunk->mantissa = rows->mantissa + l;
        chunk->exponent = rows->exponent + l;
        chunk->pair_exponent = rows->pair_exponent + l;
        copy_lines(4 * n, side, ROW_PACKS, rows->x + l, side, x);
        struct move moves[2];
        propose(chunk, side, 0, moves);
        for (size_t spin = 0; spin < SPINS; spin++) {
            chunk->b = b[spin] + rows_by_lines(n * n, 0, l);
            move_spin(chunk, side, top, spin * n, moves);
        }
        copy_lines(4 * n, side, side, x, ROW_PACKS, rows->x + l);
    }
    sum->accepted = own.accepted;
}

static void sweep_first(const struct chunk *rows, pack *const b[SPINS], struct chunk *chunk)
{
    sweep_rows(0, rows, b, chunk);
}
static void sweep_third(const struct chunk *rows, pack *const b[SPINS], struct chunk *chunk)
{
    sweep_lines(2 * LINE, 2, rows, b, chunk);
}
static void sweep_fourth(const struct chunk *rows, pack *const b[SPINS], struct chunk *chunk)
{
    sweep_lines(2 * LINE, 3, rows, b, chunk);
}

bool shells_sweep_serves(const struct wavefunction *wavefunction)
{
    bool shells = false;
    for (size_t f = 0; f < wavefunction->n_factors; f++)
        if (wavefunction->factor[f].type == &factor_slater) {
            const struct slater *slater = wavefunction->factor[f].state;
            shells = slater->shells && slater->orbitals[0].n == slater->orbitals[1].n;
        } else if (wavefunction->factor[f].type != &factor_pade_jastrow) {
            return false;
        }
    return shells && wavefunction->n_factors == 2 && wavefunction->keeps_pair_values;
}

static struct pairing pairing_of(const struct pade_jastrow *jastrow, size_t class)
{
    const size_t k = jastrow->column[class];
    return (struct pairing){ pack_all(k < jastrow->n_classes ? jastrow->beta_used[k] : 0),
                             pack_all(k < jastrow->n_classes ? jastrow->cusp_used[k] : 0) };
}

size_t shells_sweep_particles(const struct wavefunction *wavefunction, const struct sweep_draws *draws, double *frame)
{
    static void (*const by_shell[])(const struct chunk *rows, pack *const b[SPINS],
                                    struct chunk *chunk) = { sweep_first, shells_six_sweep, sweep_third, sweep_fourth };
    const struct slater *slater = NULL;
    struct chunk rows = { .draws = *draws,
                          .x = (pack *)frame,
                          .r = (pack *)rows_at(frame, wavefunction->row_pair_values) },
                 chunk;
    pack *b[SPINS];
    size_t accepted = 0;
    for (size_t f = 0; f < 2; f++) {
        const struct factor *factor = &wavefunction->factor[f];
        pack *weight = (pack *)rows_at(frame, wavefunction->row_weight + 2 * factor->weight);
        if (factor->type == &factor_slater) {
            slater = factor->state;
            for (size_t d = 0; d < 2; d++) {
                rows.scale[d] = slater->scale[d];
                rows.omega[d] = slater->omega[d];
            }
            rows.alpha = slater->value;
            rows.mantissa = weight;
            rows.exponent = weight + ROW_PACKS;
            for (size_t spin = 0; spin < SPINS; spin++)
                b[spin] = (pack *)rows_at(frame, factor->first_cache_row + slater->first_row[spin]);
        } else {
            rows.same = pairing_of(factor->state, PAIR_PARALLEL);
            rows.opposite = pairing_of(factor->state, PAIR_ANTIPARALLEL);
            rows.pair_exponent = weight + ROW_PACKS;
        }
    }
    by_shell[slater->top_shell[0]](&rows, b, &chunk);
    for (int k = 0; k < PACK_WIDTH; k++)
        accepted -= (size_t)chunk.accepted[k];
    return accepted;
}
