/* The training of an LSTM layer with AMX, the matrix unit of some Intel processors (Sapphire Rapids and later).

   The contributions of the inputs at all positions, and the gradients of the inputs, are products of torch. This
   library has the loops over the positions: the product of the previous output and the recurrent matrix, the cell, and
   the same backwards; and the gradients of the matrices. Products take bfloat16 and add up float32; the cell is float32.

   The threads share the units: each computes the gates of its units for all rows, and waits for the others after every
   position. Every number is added up in one order, so that the result does not depend on the number of threads.

   Source of the equations: the class LSTM of recurrent.py. Source of the instructions: Intel 64 and IA-32
   Architectures Software Developer's Manual, volume 1, chapter 18. */

#define _GNU_SOURCE
#include <stdint.h>

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* The checksum of the sources that the library was built from. */
#ifndef SOURCES
#define SOURCES 0
#endif
EXPORT uint32_t library_sources(void) { return SOURCES; }

#if defined(__x86_64__) && defined(__linux__) && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#include "amx.inc.h"

typedef struct {
    int64_t steps;             /* number of positions, T */
    int64_t rows;              /* R */
    int64_t hidden;            /* number of units H, a multiple of 32 */
    const uint16_t *recurrent; /* the recurrent matrix, (4 H, H), bfloat16 */
    char *packed;              /* room for it as tiles, 4 H * H * 2 bytes */
    const float *bias;         /* (4 H) */
    const uint8_t *starts;     /* (T, R): whether the state is reset; or NULL */
    uint16_t *gates;           /* (T, R, 4 H), bfloat16: the contribution of the inputs; replaced by the gates */
    float *cells;              /* (T + 1, R, H): the state c, the first one that before the first position */
    uint16_t *outputs;         /* (T + 1, R, H), bfloat16: the state h likewise */
    const uint16_t *from_above; /* backwards: the gradient of the outputs, (T, R, H), bfloat16 */
    uint16_t *gradients;       /* the gradient of the gates before their activation, (T, R, 4 H), bfloat16 */
    float *bias_gradient;      /* (4 H) */
    float *h_gradient;         /* (R, H): of the last h; replaced by that of the first */
    float *c_gradient;         /* (R, H): of the last c; replaced by that of the first */
    Team team;
} Layer;

/* Sums of two tiles of columns for one or two blocks of rows: sums[block * 2 + tile][row][column].

   x: the first block of rows; stride: bytes between rows; weights: pairs of tiles, one after the other. */
INLINE TARGET void multiply(const int second, const char *x, int64_t stride, const char *weights, int64_t depth,
                            float *sums) {
    _tile_zero(0);
    _tile_zero(1);
    if (second) {
        _tile_zero(2);
        _tile_zero(3);
    }
    const char *others = x + TILE * stride;
    for (int64_t k = 0; k < depth; k++, x += 64, others += 64, weights += 2 * TILE_BYTES) {
        _tile_loadd(4, x, stride);
        _tile_loadd(6, weights, 64);
        _tile_loadd(7, weights + TILE_BYTES, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        if (!second) continue;
        _tile_loadd(5, others, stride);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, 64);
    _tile_stored(1, sums + 256, 64);
    if (!second) return;
    _tile_stored(2, sums + 512, 64);
    _tile_stored(3, sums + 768, 64);
}

INLINE TARGET __m512 from_bfloat16(const uint16_t *x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)x)), 16));
}

INLINE TARGET void to_bfloat16(uint16_t *x, __m512 value) {
    _mm256_storeu_si256((__m256i *)x, (__m256i)_mm512_cvtneps_pbh(value));
}

/* 1 / (1 + exp(-x)), with a relative error of about 1e-6. */
INLINE TARGET __m512 sigmoid(__m512 x) {
    const __m512 one = _mm512_set1_ps(1.0f);
    x = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(60.0f)), _mm512_set1_ps(-60.0f));
    const __m512 scaled = _mm512_mul_ps(x, _mm512_set1_ps(-1.44269504f));
    const __m512 n = _mm512_roundscale_ps(scaled, 0), r = _mm512_sub_ps(scaled, n); /* 2^n 2^r, |r| <= 1 / 2 */
    __m512 power = _mm512_set1_ps(1.3333558e-3f);
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(9.6181291e-3f));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(5.5504109e-2f));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(2.4022651e-1f));
    power = _mm512_fmadd_ps(power, r, _mm512_set1_ps(6.9314718e-1f));
    power = _mm512_fmadd_ps(power, r, one);
    const __m512 sum = _mm512_add_ps(one, _mm512_scalef_ps(power, n)), guess = _mm512_rcp14_ps(sum);
    return _mm512_mul_ps(guess, _mm512_fnmadd_ps(sum, guess, _mm512_set1_ps(2.0f)));
}

INLINE TARGET __m512 tanh_(__m512 x) {
    return _mm512_fmsub_ps(_mm512_set1_ps(2.0f), sigmoid(_mm512_add_ps(x, x)), _mm512_set1_ps(1.0f));
}

/* The cell of 16 units of one row at one position. `sums` has the products of the state, 256 numbers per gate. */
INLINE TARGET void cell(const Layer *p, int64_t t, int64_t row, int64_t unit, const float *const *sums) {
    const int64_t at = t * p->rows + row, width = p->hidden;
    uint16_t *gates = p->gates + at * 4 * width + unit;
    __m512 x[4];
    for (int gate = 0; gate < 4; gate++)
        x[gate] = _mm512_add_ps(_mm512_add_ps(_mm512_load_ps(sums[gate]), from_bfloat16(gates + gate * width)),
                                _mm512_loadu_ps(p->bias + gate * width + unit));
    __m512 i = sigmoid(x[0]), f = sigmoid(x[1]), o = sigmoid(x[3]);
    const __m512 g = tanh_(x[2]);
    if (p->starts && p->starts[at]) i = f = o = _mm512_setzero_ps();
    const __m512 past = _mm512_loadu_ps(p->cells + at * width + unit);
    const __m512 c = _mm512_fmadd_ps(f, past, _mm512_mul_ps(i, g));
    _mm512_storeu_ps(p->cells + (at + p->rows) * width + unit, c);
    to_bfloat16(p->outputs + (at + p->rows) * width + unit, _mm512_mul_ps(o, tanh_(c)));
    to_bfloat16(gates, i);
    to_bfloat16(gates + width, f);
    to_bfloat16(gates + 2 * width, g);
    to_bfloat16(gates + 3 * width, o);
}

/* The gradients of 16 units of one row at one position. */
INLINE TARGET void cell_backward(Layer *p, int64_t t, int64_t row, int64_t unit, __m512 *bias) {
    const int64_t at = t * p->rows + row, width = p->hidden, own = row * width + unit;
    const uint16_t *gates = p->gates + at * 4 * width + unit;
    const __m512 one = _mm512_set1_ps(1.0f);
    const __m512 i = from_bfloat16(gates), f = from_bfloat16(gates + width), g = from_bfloat16(gates + 2 * width),
                 o = from_bfloat16(gates + 3 * width);
    const __m512 past = _mm512_loadu_ps(p->cells + at * width + unit);
    const __m512 squashed = tanh_(_mm512_loadu_ps(p->cells + (at + p->rows) * width + unit));
    const __m512 above = from_bfloat16(p->from_above + at * width + unit);
    const __m512 dh = _mm512_add_ps(_mm512_loadu_ps(p->h_gradient + own), above);
    const __m512 slope = _mm512_mul_ps(o, _mm512_fnmadd_ps(squashed, squashed, one));
    const __m512 dc = _mm512_fmadd_ps(dh, slope, _mm512_loadu_ps(p->c_gradient + own));
    const __m512 gradients[4] = {
        _mm512_mul_ps(_mm512_mul_ps(dc, g), _mm512_fnmadd_ps(i, i, i)),
        _mm512_mul_ps(_mm512_mul_ps(dc, past), _mm512_fnmadd_ps(f, f, f)),
        _mm512_mul_ps(_mm512_mul_ps(dc, i), _mm512_fnmadd_ps(g, g, one)),
        _mm512_mul_ps(_mm512_mul_ps(dh, squashed), _mm512_fnmadd_ps(o, o, o)),
    };
    _mm512_storeu_ps(p->c_gradient + own, _mm512_mul_ps(dc, f));
    uint16_t *out = p->gradients + at * 4 * width + unit;
    for (int gate = 0; gate < 4; gate++) {
        to_bfloat16(out + gate * width, gradients[gate]);
        bias[gate] = _mm512_add_ps(bias[gate], gradients[gate]);
    }
}

/* Write the weights of a tile of units as tiles: [pair of gates][block of inputs][gate][input / 2][unit][input % 2]. */
static void pack_forward(const Layer *p, int64_t tile) {
    const int64_t depth = p->hidden / DEPTH, words = p->hidden / 2;
    uint32_t *out = (uint32_t *)(p->packed + tile * 4 * depth * TILE_BYTES);
    for (int pair = 0; pair < 2; pair++)
        for (int64_t k = 0; k < depth; k++)
            for (int gate = 2 * pair; gate < 2 * pair + 2; gate++) {
                const int64_t row = gate * p->hidden + tile * TILE;
                const uint32_t *in = (const uint32_t *)p->recurrent + row * words + k * TILE;
                for (int input = 0; input < TILE; input++)
                    for (int unit = 0; unit < TILE; unit++) *out++ = in[unit * words + input];
            }
}

/* The same for the gradients of the gates: [block of 32 rows of the matrix][tile][row / 2][unit][row % 2]. */
static void pack_backward(const Layer *p, int64_t pair) {
    const int64_t depth = 4 * p->hidden / DEPTH;
    uint32_t *out = (uint32_t *)(p->packed + pair * 2 * depth * TILE_BYTES);
    for (int64_t k = 0; k < depth; k++)
        for (int tile = 0; tile < 2; tile++) {
            const uint16_t *in = p->recurrent + k * DEPTH * p->hidden + pair * PAIR + tile * TILE;
            for (int gate = 0; gate < DEPTH; gate += 2, in += 2 * p->hidden)
                for (int unit = 0; unit < TILE; unit++) *out++ = in[unit] | (uint32_t)in[p->hidden + unit] << 16;
        }
}

INLINE int64_t at_most(int64_t count) { return count < 0 ? 0 : count < TILE ? count : TILE; }

/* Compute all positions for the units of one thread. */
static TARGET void forward(void *layer) {
    Layer *p = layer;
    const int64_t width = p->hidden, depth = width / DEPTH, stride = 2 * width;
    int64_t first, last, configured = -1;
    float sums[8][256] __attribute__((aligned(64)));
    share(&p->team, width / PAIR, &first, &last);
    for (int64_t tile = 2 * first; tile < 2 * last; tile++) pack_forward(p, tile);
    for (int64_t t = 0; t < p->steps; t++) {
        for (int64_t row = 0; row < p->rows; row += PAIR) {
            const int64_t one = at_most(p->rows - row), two = at_most(p->rows - row - TILE);
            if (configured != one + two) configure(one, two);
            configured = one + two;
            const char *x = (const char *)(p->outputs + (t * p->rows + row) * width);
            for (int64_t tile = 2 * first; tile < 2 * last; tile++) {
                const char *weights = p->packed + tile * 4 * depth * TILE_BYTES;
                for (int pair = 0; pair < 2; pair++, weights += 2 * depth * TILE_BYTES) {
                    if (two) multiply(1, x, stride, weights, depth, sums[4 * pair]);
                    else multiply(0, x, stride, weights, depth, sums[4 * pair]);
                }
                for (int64_t r = 0; r < one + two; r++) {
                    const float *s = sums[r / TILE * 2] + r % TILE * TILE;
                    cell(p, t, row + r, tile * TILE, (const float *const[]){s, s + 256, s + 1024, s + 1280});
                }
            }
        }
        barrier(&p->team, t + 1);
    }
    _tile_release();
}

/* Compute the gradients of all positions for the units of one thread. */
static TARGET void backward(void *layer) {
    Layer *p = layer;
    const int64_t width = p->hidden, depth = 4 * width / DEPTH, stride = 8 * width;
    int64_t first, last, configured = -1;
    float sums[4][256] __attribute__((aligned(64)));
    share(&p->team, width / PAIR, &first, &last);
    for (int64_t pair = first; pair < last; pair++) pack_backward(p, pair);
    for (int64_t t = p->steps - 1; t >= 0; t--) {
        for (int64_t unit = first * PAIR; unit < last * PAIR; unit += TILE) {
            __m512 bias[4];
            for (int gate = 0; gate < 4; gate++) bias[gate] = _mm512_loadu_ps(p->bias_gradient + gate * width + unit);
            for (int64_t row = 0; row < p->rows; row++) cell_backward(p, t, row, unit, bias);
            for (int gate = 0; gate < 4; gate++) _mm512_storeu_ps(p->bias_gradient + gate * width + unit, bias[gate]);
        }
        barrier(&p->team, p->steps - t);
        for (int64_t row = 0; row < p->rows; row += PAIR) {
            const int64_t one = at_most(p->rows - row), two = at_most(p->rows - row - TILE);
            if (configured != one + two) configure(one, two);
            configured = one + two;
            const char *x = (const char *)(p->gradients + (t * p->rows + row) * 4 * width);
            for (int64_t pair = first; pair < last; pair++) {
                const char *weights = p->packed + pair * 2 * depth * TILE_BYTES;
                if (two) multiply(1, x, stride, weights, depth, sums[0]);
                else multiply(0, x, stride, weights, depth, sums[0]);
                for (int64_t r = 0; r < one + two; r++)
                    for (int tile = 0; tile < 2; tile++)
                        _mm512_storeu_ps(p->h_gradient + (row + r) * width + pair * PAIR + tile * TILE,
                                         _mm512_load_ps(sums[r / TILE * 2 + tile] + r % TILE * TILE));
            }
        }
    }
    _tile_release();
}

EXPORT void lstm_forward(Layer *p) { run(&p->team, forward, p); }
EXPORT void lstm_backward(Layer *p) { run(&p->team, backward, p); }

#include "matrix_gradient_amx.inc.h"

EXPORT void lstm_matrix_gradient(Gradient *p) { run(&p->team, matrix_gradient, p); }

/* Return whether the processor has AMX, and the system lets this process use it. */
EXPORT int lstm_is_available(void) {
    uint32_t a, b, c, d;
    const uint32_t bits = 1u << 22 | 1u << 24; /* bfloat16, tiles */
    if (!__builtin_cpu_supports("avx512bf16")) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & bits) != bits) return 0;
    return !syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* the data of tiles */);
}
#else
EXPORT int lstm_is_available(void) { return 0; }
#endif
