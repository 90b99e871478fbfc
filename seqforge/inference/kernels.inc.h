/* The loops for one instruction set. kernels.c includes this file once per set, with ISA (the suffix of all names),
   VECTOR_BYTES and TILE_ROWS (the number of rows whose sums fit into the registers) defined. */

#define LANES (VECTOR_BYTES / 4)
#define VECTORS 2                       /* vectors of outputs per tile */
#define TILE_OUTPUTS (VECTORS * LANES)  /* outputs per tile; a panel has one or more tiles side by side */
#define vf NAME(vf)
#define vi NAME(vi)
#define vu NAME(vu)

typedef float vf __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef int32_t vi __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef uint32_t vu __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef uint16_t NAME(vh) __attribute__((vector_size(VECTOR_BYTES / 2), aligned(2), may_alias));
#define vh NAME(vh)

INLINE vf NAME(splat)(float value) { return value - (vf){0}; }

/* Write one tile of results: `count` of the outputs exist. */
INLINE void NAME(store)(const vf *sums, const float *bias, float *y, int64_t count, int64_t add) {
    float values[TILE_OUTPUTS];
    for (int v = 0; v < VECTORS; v++) *(vf *)(values + v * LANES) = sums[v];
    if (count >= TILE_OUTPUTS) {
        for (int v = 0; v < VECTORS; v++) {
            vf sum = sums[v];
            if (bias) sum += *(const vf *)(bias + v * LANES);
            if (add) sum += *(const vf *)(y + v * LANES);
            *(vf *)(y + v * LANES) = sum;
        }
        return;
    }
    for (int64_t o = 0; o < count; o++) {
        float sum = values[o];
        if (bias) sum += bias[o];
        if (add) sum += y[o];
        y[o] = sum;
    }
}

/* -- float32 and bfloat16 --------------------------------------------------------------------------------------- */

/* The bytes of a panel before its input k, which is even for bfloat16, and output 0. */
INLINE int64_t NAME(panel_offset)(int64_t panel, int64_t inputs, int64_t k, int is_bfloat16) {
    const int64_t padded = is_bfloat16 ? (inputs + 31) / 32 * 32 : inputs;
    return (panel * padded + k) * PANEL * (is_bfloat16 ? 2 : 4);
}

/* The weights of one vector of outputs; for bfloat16, a word holds those of two inputs, and `odd` chooses one. */
INLINE vf NAME(load_weights)(const char *weights, int is_bfloat16, int odd) {
    if (!is_bfloat16) return *(const vf *)weights;
    const vu words = *(const vu *)weights;
    return odd ? (vf)(words & 0xffff0000u) : (vf)(words << 16);
}

/* The number of bytes of the next panel that a tile prefetches per `step` inputs, so that all tiles of a panel prefetch
   the whole next one: a tile computes for longer than its share takes to arrive from memory. */
INLINE int64_t NAME(prefetch_bytes)(const Product *p, int64_t panel_bytes, int64_t steps) {
    const int64_t passes = (p->rows + TILE_ROWS - 1) / TILE_ROWS * (PANEL / TILE_OUTPUTS) * steps;
    return passes ? panel_bytes / passes + 1 : 0;
}

/* `rows` rows (a constant) of one tile of outputs. `x` has the inputs of these rows side by side: [input][row];
   `next` is the share of the next panel that the tile prefetches, with `bytes` of it per pass through the loop. */
INLINE void NAME(tile)(const int rows, const int is_bfloat16, const Product *p, const float *x, int64_t row,
                       int64_t panel, int64_t column, const char *next, int64_t bytes) {
    vf sums[TILE_ROWS][VECTORS];
    const int64_t inputs = p->inputs;
    const int step = is_bfloat16 ? 2 : 1;
    const char *packed = (const char *)p->packed + NAME(panel_offset)(panel, inputs, 0, is_bfloat16) + column * 4;
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < VECTORS; v++) sums[r][v] = (vf){0};
    for (int64_t k = 0; k < inputs; k += step, packed += PANEL * 4, next += bytes) {
        __builtin_prefetch(next, 0, 2);
        for (int odd = 0; odd < step && k + odd < inputs; odd++, x += rows) {
            vf weights[VECTORS];
            for (int v = 0; v < VECTORS; v++)
                weights[v] = NAME(load_weights)(packed + v * VECTOR_BYTES, is_bfloat16, odd);
#pragma GCC unroll 14
            for (int r = 0; r < rows; r++) {
                const vf value = NAME(splat)(x[r]);
                for (int v = 0; v < VECTORS; v++) sums[r][v] += value * weights[v];
            }
        }
    }
    const int64_t output = panel * PANEL + column;
    for (int r = 0; r < rows; r++)
        NAME(store)(sums[r], p->bias ? p->bias + output : NULL, p->y + (row + r) * p->outputs + output,
                    p->outputs - output, p->add);
}

/* The number of rows of the next tile. */
INLINE int NAME(tile_rows)(int64_t rows) {
    return rows >= TILE_ROWS ? TILE_ROWS : rows >= 8 && TILE_ROWS > 8 ? 8 : rows >= 4 ? 4 : rows >= 2 ? 2 : 1;
}

/* One row of `panels` panels (a constant) at a time: more independent sums than one tile has. */
INLINE void NAME(one_row)(const int panels, const int is_bfloat16, const Product *p, int64_t row, int64_t panel) {
    vf sums[8];
    const int vectors = PANEL / LANES;
    const float *x = p->x + row * p->inputs;
    const int64_t inputs = p->inputs;
    for (int i = 0; i < panels * vectors; i++) sums[i] = (vf){0};
    const int step = is_bfloat16 ? 2 : 1;
    const char *packed = (const char *)p->packed + NAME(panel_offset)(panel, inputs, 0, is_bfloat16);
    const int64_t panel_bytes = NAME(panel_offset)(1, inputs, 0, is_bfloat16);
    for (int64_t k = 0; k < inputs; k += step, packed += PANEL * 4) {
        for (int odd = 0; odd < step && k + odd < inputs; odd++) {
            const vf value = NAME(splat)(x[k + odd]);
#pragma GCC unroll 4
            for (int q = 0; q < panels; q++) {
#pragma GCC unroll 8
                for (int v = 0; v < vectors; v++)
                    sums[q * vectors + v] += value * NAME(load_weights)(
                        packed + q * panel_bytes + v * VECTOR_BYTES, is_bfloat16, odd);
            }
        }
    }
    for (int q = 0; q < panels; q++)
        for (int v = 0; v < vectors; v += VECTORS) {
            const int64_t output = (panel + q) * PANEL + v * LANES;
            NAME(store)(sums + q * vectors + v, p->bias ? p->bias + output : NULL,
                        p->y + row * p->outputs + output, p->outputs - output, p->add);
        }
}

INLINE void NAME(product)(const int is_bfloat16, const Product *p) {
    const int panels = 8 * LANES / PANEL; /* eight sums for a single row: 4, 2 or 1 panels */
    if (p->rows == 1) {
        int64_t panel = p->first;
        for (; panel + panels <= p->last; panel += panels) NAME(one_row)(panels, is_bfloat16, p, 0, panel);
        for (; panel < p->last; panel++) NAME(one_row)(1, is_bfloat16, p, 0, panel);
        return;
    }
    /* the rows of a tile side by side: rows of 4 KiB would all fall into the same set of the cache */
    float *x = malloc(p->rows * p->inputs * sizeof(float));
    for (int64_t row = 0, rows; row < p->rows; row += rows) {
        rows = NAME(tile_rows)(p->rows - row);
        float *tile = x + row * p->inputs;
        for (int64_t r = 0; r < rows; r++)
            for (int64_t k = 0; k < p->inputs; k++) tile[k * rows + r] = p->x[(row + r) * p->inputs + k];
    }
    const int64_t steps = is_bfloat16 ? (p->inputs + 1) / 2 : p->inputs;
    const int64_t panel_bytes = NAME(panel_offset)(1, p->inputs, 0, is_bfloat16);
    const int64_t bytes = NAME(prefetch_bytes)(p, panel_bytes, steps);
    for (int64_t panel = p->first; panel < p->last; panel++) {
        const char *next = (const char *)p->packed + (panel + 1) * panel_bytes;
        for (int64_t column = 0; column < PANEL && panel * PANEL + column < p->outputs; column += TILE_OUTPUTS) {
            for (int64_t row = 0, rows; row < p->rows; row += rows, next += bytes * steps) {
                const float *tile = x + row * p->inputs;
                rows = NAME(tile_rows)(p->rows - row);
                switch (rows) {
                    case TILE_ROWS:
                        NAME(tile)(TILE_ROWS, is_bfloat16, p, tile, row, panel, column, next, bytes);
                        break;
#if TILE_ROWS > 8
                    case 8: NAME(tile)(8, is_bfloat16, p, tile, row, panel, column, next, bytes); break;
#endif
                    case 4: NAME(tile)(4, is_bfloat16, p, tile, row, panel, column, next, bytes); break;
                    case 2: NAME(tile)(2, is_bfloat16, p, tile, row, panel, column, next, bytes); break;
                    default: NAME(tile)(1, is_bfloat16, p, tile, row, panel, column, next, bytes);
                }
            }
        }
    }
    free(x);
}

static void NAME(product_float32)(const Product *p) { NAME(product)(0, p); }
static void NAME(product_bfloat16)(const Product *p) { NAME(product)(1, p); }

/* -- 8-bit integers ---------------------------------------------------------------------------------------------- */

/* The levels of a row and its scale: the largest absolute value is level 127. */
INLINE float NAME(quantise)(const float *x, int64_t inputs, int64_t padded, int8_t *levels) {
    float peak = 0;
    for (int64_t k = 0; k < inputs; k++) {
        const float size = fabsf(x[k]);
        peak = size > peak || size != size ? size : peak; /* NaN stays NaN */
    }
    peak += 1e-30f;
    const float factor = MAX_LEVEL / peak;
    for (int64_t k = 0; k < inputs; k++) levels[k] = (int8_t)(int32_t)((x[k] * factor + 12582912.0f) - 12582912.0f);
    for (int64_t k = inputs; k < padded; k++) levels[k] = 0;
    return peak;
}

/* Add to each lane the products of four levels of the row with four levels of the output of the lane. */
INLINE vi NAME(multiply_levels)(vi sums, int32_t row_levels, const int8_t *weights) {
#if VECTOR_BYTES == 64
    /* the instruction multiplies unsigned by signed numbers, so 128 has been added to the levels of the row */
    return (vi)_mm512_dpbusd_epi32((__m512i)sums, _mm512_set1_epi32(row_levels), _mm512_loadu_si512(weights));
#elif VECTOR_BYTES == 32
    /* |a| * (w with the sign of a): two such products fit into 16 bits because no level is -128 */
    const __m256i a = _mm256_set1_epi32(row_levels), w = _mm256_loadu_si256((const __m256i *)weights);
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(a), _mm256_sign_epi8(w, a));
    return (vi)_mm256_add_epi32((__m256i)sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#else
    int8_t a[4];
    memcpy(a, &row_levels, 4);
    for (int lane = 0; lane < LANES; lane++)
        for (int k = 0; k < 4; k++) sums[lane] += (int32_t)a[k] * weights[4 * lane + k];
    return sums;
#endif
}

INLINE void NAME(tile_int8)(const int rows, const Product *p, const int8_t *levels, const float *peaks, int64_t row,
                            int64_t panel, int64_t column) {
    vi sums[TILE_ROWS][VECTORS];
    const int64_t padded = (p->inputs + 63) / 64 * 64, quads = (p->inputs + 3) / 4, output = panel * PANEL + column;
    const int8_t *weights = (const int8_t *)p->packed + panel * padded * PANEL + column * 4;
    const int8_t *x = levels + row * padded;
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < VECTORS; v++) sums[r][v] = (vi){0};
    for (int64_t k = 0; k < quads; k++) {
#pragma GCC unroll 12
        for (int r = 0; r < rows; r++) {
            int32_t row_levels;
            memcpy(&row_levels, x + r * padded + 4 * k, 4);
            for (int v = 0; v < VECTORS; v++)
                sums[r][v] = NAME(multiply_levels)(sums[r][v], row_levels, weights + k * PANEL * 4 + v * VECTOR_BYTES);
        }
    }
    for (int r = 0; r < rows; r++) {
        vf results[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            vi exact = sums[r][v];
#if VECTOR_BYTES == 64
            exact -= *(const vi *)(p->sum + output + v * LANES);
#endif
            results[v] = __builtin_convertvector(exact, vf) * *(const vf *)(p->scale + output + v * LANES) *
                         NAME(splat)(peaks[row + r]);
        }
        NAME(store)(results, p->bias ? p->bias + output : NULL, p->y + (row + r) * p->outputs + output,
                    p->outputs - output, p->add);
    }
}

static void NAME(product_int8)(const Product *p) {
    const int64_t padded = (p->inputs + 63) / 64 * 64;
    int8_t *levels = malloc(p->rows * padded + p->rows * sizeof(float) + 64);
    float *peaks = (float *)(levels + (p->rows * padded + 15) / 16 * 16);
    for (int64_t row = 0; row < p->rows; row++) {
        peaks[row] = NAME(quantise)(p->x + row * p->inputs, p->inputs, padded, levels + row * padded);
#if VECTOR_BYTES == 64
        uint8_t *shifted = (uint8_t *)levels + row * padded;
        for (int64_t k = 0; k < padded; k++) shifted[k] = (uint8_t)(shifted[k] + 128);
#endif
    }
    for (int64_t panel = p->first; panel < p->last; panel++) {
        for (int64_t column = 0; column < PANEL && panel * PANEL + column < p->outputs; column += TILE_OUTPUTS) {
            int64_t row = 0;
            for (; row + TILE_ROWS <= p->rows; row += TILE_ROWS)
                NAME(tile_int8)(TILE_ROWS, p, levels, peaks, row, panel, column);
            for (; row + 4 <= p->rows; row += 4) NAME(tile_int8)(4, p, levels, peaks, row, panel, column);
            for (; row < p->rows; row++) NAME(tile_int8)(1, p, levels, peaks, row, panel, column);
        }
    }
    free(levels);
}

/* -- the cells ---------------------------------------------------------------------------------------------------- */

/* exp(x) - 1 = 2^n (exp(r) - 1) + (2^n - 1) with x = n log 2 + r, |r| <= log(2) / 2, and the Taylor series of degree 7,
   whose relative error is below 2e-8. */
INLINE vf NAME(exp_minus_one)(vf x) {
    const vf n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
    const vf r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    vf series = r * (1.0f / 5040) + 1.0f / 720;
    series = series * r + 1.0f / 120;
    series = series * r + 1.0f / 24;
    series = series * r + 1.0f / 6;
    series = series * r + 0.5f;
    series = series * r * r + r;
    const vf power = (vf)((__builtin_convertvector(n, vi) + 127) << 23);
    return power * series + (power - 1);
}

INLINE vf NAME(clamp)(vf x, float low, float high) {
    const vf lows = NAME(splat)(low), highs = NAME(splat)(high);
    const vi below = x < lows, above = x > highs; /* NaN is neither, and stays NaN */
    return (vf)(((vi)lows & below) | ((vi)highs & above) | ((vi)x & ~(below | above)));
}

INLINE vf NAME(sigmoid)(vf x) { return 1.0f / (2.0f + NAME(exp_minus_one)(NAME(clamp)(-x, -87.0f, 87.0f))); }

INLINE vf NAME(tanh)(vf x) {
    const vf power = NAME(exp_minus_one)(2.0f * NAME(clamp)(x, -10.0f, 10.0f));
    return power / (power + 2.0f);
}

/* The next vector of numbers, the last one filled up with zeros. */
INLINE vf NAME(load)(const float *x, int64_t count) {
    if (count >= LANES) return *(const vf *)x;
    float values[LANES] = {0};
    memcpy(values, x, count * sizeof(float));
    return *(const vf *)values;
}

INLINE void NAME(save)(float *x, int64_t count, vf values) {
    memcpy(x, &values, (count >= LANES ? LANES : count) * sizeof(float));
}

static void NAME(cell_lstm)(const float *gates, int64_t rows, int64_t hidden, float *h, float *c) {
    for (int64_t row = 0; row < rows; row++, gates += 4 * hidden, h += hidden, c += hidden)
        for (int64_t unit = 0; unit < hidden; unit += LANES) {
            const int64_t count = hidden - unit;
            const vf i = NAME(sigmoid)(NAME(load)(gates + unit, count));
            const vf f = NAME(sigmoid)(NAME(load)(gates + hidden + unit, count));
            const vf g = NAME(tanh)(NAME(load)(gates + 2 * hidden + unit, count));
            const vf o = NAME(sigmoid)(NAME(load)(gates + 3 * hidden + unit, count));
            const vf cell = f * NAME(load)(c + unit, count) + i * g;
            NAME(save)(c + unit, count, cell);
            NAME(save)(h + unit, count, o * NAME(tanh)(cell));
        }
}

static void NAME(cell_gru)(const float *inputs, const float *past, const float *bias, int64_t rows, int64_t hidden,
                           float *h) {
    for (int64_t row = 0; row < rows; row++, inputs += 3 * hidden, past += 3 * hidden, h += hidden)
        for (int64_t unit = 0; unit < hidden; unit += LANES) {
            const int64_t count = hidden - unit;
            const vf r = NAME(sigmoid)(NAME(load)(inputs + unit, count) + NAME(load)(past + unit, count));
            const vf z = NAME(sigmoid)(NAME(load)(inputs + hidden + unit, count) +
                                       NAME(load)(past + hidden + unit, count));
            const vf state = NAME(load)(past + 2 * hidden + unit, count) + NAME(load)(bias + unit, count);
            const vf n = NAME(tanh)(NAME(load)(inputs + 2 * hidden + unit, count) + r * state);
            NAME(save)(h + unit, count, n + z * (NAME(load)(h + unit, count) - n));
        }
}

static void NAME(cell_rnn)(const float *gates, int64_t count, float *h) {
    for (int64_t unit = 0; unit < count; unit += LANES)
        NAME(save)(h + unit, count - unit, NAME(tanh)(NAME(load)(gates + unit, count - unit)));
}

#include "draw.inc.h"

#define TEXT_(text) #text
#define TEXT(text) TEXT_(text)
static const Kernels NAME(table) = {
    NAME(product_float32), NAME(product_bfloat16), NAME(product_int8), NAME(cell_lstm), NAME(cell_gru),
    NAME(cell_rnn), NAME(draw_rows), TEXT(ISA),
};
#undef TEXT
#undef TEXT_
#undef LANES
#undef VECTORS
#undef TILE_OUTPUTS
#undef vf
#undef vi
#undef vu
#undef vh
