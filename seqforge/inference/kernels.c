/* The inner loops of inference: matrix products with packed weights, the recurrent cells, and sums of table rows.

   Every output number is computed in one order, whatever the number of rows and of threads: a product adds up its
   inputs from the first to the last, in its own lane of a vector. A result therefore depends on its own row alone.

   The loops are compiled once per instruction set (kernels.inc.h), and `kernels_init` chooses one when the library is
   loaded. The library has no dependency, not even on Python; seqforge/inference/kernels.py calls it through ctypes.

   Weights are packed in panels of PANEL outputs: all inputs of a panel are contiguous, so that a product reads its
   weights from the first byte to the last. The layout of a panel is [input][output] for float32,
   [input / 2][output][input % 2] for bfloat16, with a multiple of 32 inputs, and [input / 4][output][input % 4] for
   8-bit integers, with a multiple of 64 inputs. Missing outputs and inputs are zeros. */

#define _DEFAULT_SOURCE /* syscall */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PANEL 32
#define MAX_LEVEL 127.0f
#define BLOCK 32 /* choices whose weights are added before those of other blocks */

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif
#define INLINE static inline __attribute__((always_inline))
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(name, ISA)

/* A matrix product: y[row] = weights x[row] + bias, or y[row] += that if `add` is set. */
typedef struct {
    const float *x;     /* the rows, contiguous */
    int64_t rows;       /* their number */
    int64_t inputs;     /* their width */
    const void *packed; /* the packed weights */
    const float *scale; /* the scale of each output, for 8-bit integers only */
    const int32_t *sum; /* 128 times the sum of the levels of each output, for 8-bit integers only */
    const float *bias;  /* the bias of each output, or NULL */
    float *y;           /* the results, contiguous */
    int64_t outputs;    /* their width */
    int64_t first;      /* the first panel to compute */
    int64_t last;       /* the panel after the last one to compute */
    int64_t add;        /* whether the results are added to y */
} Product;

/* The draw of one choice per row. */
typedef struct {
    const float *logits;    /* the outputs of the network, (rows, choices) */
    double factor;          /* 1 / temperature */
    const uint8_t *masks;   /* whether each choice is allowed, (rows, choices), or NULL */
    const double *uniforms; /* one random number per row */
    int64_t rows;
    int64_t choices;
    int64_t k;          /* the number of most probable choices to draw among; 0 for all */
    double p;           /* the share of the probability of these k that is drawn among; it needs k */
    double min_p;       /* the smallest fraction of the highest probability */
    int64_t *chosen;    /* the results: the choice of each row, */
    double *score;      /* its log-probability, before temperature, mask and filters, */
    double *masked;     /* and the probability of what the mask forbids */
} Draw;

typedef int64_t Bits
#if defined(__GNUC__)
    __attribute__((may_alias))
#endif
    ;

typedef struct {
    void (*float32)(const Product *);
    void (*bfloat16)(const Product *);
    void (*int8)(const Product *);
    void (*lstm)(const float *, int64_t, int64_t, float *, float *);
    void (*gru)(const float *, const float *, const float *, int64_t, int64_t, float *);
    void (*rnn)(const float *, int64_t, float *);
    int64_t (*draw)(const Draw *);
    const char *name;
} Kernels;

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#if defined(__linux__) && (defined(__clang__) ? __clang_major__ >= 12 : __GNUC__ >= 11)
#define HAS_AMX
#endif

#define ISA avx512
#define VECTOR_BYTES 64
#define TILE_ROWS 12
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,prefer-vector-width=512")
#endif
#include "kernels.inc.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef ISA
#undef VECTOR_BYTES
#undef TILE_ROWS

#if defined(HAS_AMX)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("amx-tile,amx-bf16,amx-int8,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("amx-tile,amx-bf16,amx-int8,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")
#endif
#include "kernels_amx.inc.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#define ISA avx2
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#include "kernels.inc.h"
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef ISA
#undef VECTOR_BYTES
#undef TILE_ROWS
#endif

#define ISA generic
#define VECTOR_BYTES 16
#define TILE_ROWS 6
#include "kernels.inc.h"

static Kernels kernels;

/* The checksum of the sources that the library was built from. */
#ifndef SOURCES
#define SOURCES 0
#endif
EXPORT uint32_t library_sources(void) { return SOURCES; }

/* Choose the instruction set; return its name. `name` forces one ("generic", "avx2", "avx512", "amx"); NULL for the
   best. */
EXPORT const char *kernels_init(const char *name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                 __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                 __builtin_cpu_supports("avx512vnni");
#if defined(HAS_AMX)
    if (avx512 && (!name || !strcmp(name, "amx")) && amx_exists()) {
        kernels = table_avx512;
        kernels.bfloat16 = product_bfloat16_amx;
        kernels.int8 = product_int8_amx;
        kernels.name = "amx";
        return kernels.name;
    }
#endif
    if (avx512 && (!name || !strcmp(name, "avx512"))) {
        kernels = table_avx512;
        return kernels.name;
    }
    if (avx2 && (!name || !strcmp(name, "avx2"))) {
        kernels = table_avx2;
        return kernels.name;
    }
#endif
    kernels = table_generic;
    return kernels.name;
}

/* The name of the instruction set that was chosen. */
EXPORT const char *kernels_name(void) { return kernels.name; }

EXPORT void product_float32(const Product *product) { kernels.float32(product); }
EXPORT void product_bfloat16(const Product *product) { kernels.bfloat16(product); }
EXPORT void product_int8(const Product *product) { kernels.int8(product); }

/* One step of an LSTM, in place. gates: (rows, 4 * hidden), in the order i, f, g, o; h and c: (rows, hidden). */
EXPORT void cell_lstm(const float *gates, int64_t rows, int64_t hidden, float *h, float *c) {
    kernels.lstm(gates, rows, hidden, h, c);
}

/* One step of a GRU, in place. inputs, past: (rows, 3 * hidden), in the order r, z, n; bias: (hidden), added to the
   contribution of the hidden state to n; h: (rows, hidden). */
EXPORT void cell_gru(const float *inputs, const float *past, const float *bias, int64_t rows, int64_t hidden,
                     float *h) {
    kernels.gru(inputs, past, bias, rows, hidden, h);
}

/* One step of a plain RNN: h = tanh(gates), count numbers. */
EXPORT void cell_rnn(const float *gates, int64_t count, float *h) { kernels.rnn(gates, count, h); }

/* One choice per row, by inverse transform sampling. Return the number of rows whose largest logit is not finite; they
   get no choice. */
EXPORT int64_t draw_rows(const Draw *draw) { return kernels.draw(draw); }

/* y[row] = start[row] + the sum over t of tables[t][numbers[row][t]]; all rows have `width` numbers. */
EXPORT void sum_tables(const float *const *tables, int64_t count, const int64_t *numbers, int64_t rows, int64_t width,
                       const float *start, float *y) {
    for (int64_t row = 0; row < rows; row++) {
        float *out = y + row * width;
        memcpy(out, start + row * width, width * sizeof(float));
        for (int64_t table = 0; table < count; table++) {
            const float *in = tables[table] + numbers[row * count + table] * width;
            for (int64_t column = 0; column < width; column++) out[column] += in[column];
        }
    }
}

/* Add the copy scores of each row to its logits. The score of distance d is weights[d] hidden + agreements[a][d], where
   references[row] has the earlier step plus one of each distance, 0 for none, and then their agreements a. */
EXPORT void add_copy_scores(const float *hidden, int64_t rows, int64_t inputs, const float *weights,
                            const float *agreements, int64_t distances, const int64_t *references, float *logits,
                            int64_t outputs) {
    for (int64_t row = 0; row < rows; row++) {
        const float *x = hidden + row * inputs;
        const int64_t *steps = references + 2 * row * distances, *levels = steps + distances;
        for (int64_t d = 0; d < distances; d++) {
            if (!steps[d]) continue;
            const float *w = weights + d * inputs;
            float sums[16] = {0};
            int64_t k = 0;
            for (; k + 16 <= inputs; k += 16)
                for (int lane = 0; lane < 16; lane++) sums[lane] += x[k + lane] * w[k + lane];
            for (; k < inputs; k++) sums[0] += x[k] * w[k];
            for (int width = 8; width; width /= 2)
                for (int lane = 0; lane < width; lane++) sums[lane] += sums[lane + width];
            logits[row * outputs + steps[d] - 1] += sums[0] + agreements[levels[d] * distances + d];
        }
    }
}
