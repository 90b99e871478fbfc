/* Matrix products with AMX, the matrix unit of some Intel processors (Sapphire Rapids and later).

   Rows are float32 and weights bfloat16. A row is the exact sum of three rows of bfloat16: the upper 8 bits of every
   number, the next 8, and the last 8. The unit multiplies each of the three by the weights, exactly, and adds the
   products in float32, so that the result is as precise as that of the other instruction sets. It differs from theirs
   in the last bits, because the order of the sum is another one; numbers below 2^-126 count as zero.

   Products of 8-bit integers are exact in any order, and equal those of the other instruction sets.

   The unit multiplies a block of 16 rows by one half of a panel at a time.
   Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18. */

#include <sys/syscall.h>
#include <unistd.h>

#define AMX_ROWS 16    /* rows of a tile */
#define AMX_BYTES 1024 /* bytes of a tile: 16 rows of 64 bytes */
#define AMX_PARTS 3    /* numbers of bfloat16 whose sum is one of float32 */
#define ROW_STRIDE 64
#define PREFETCH_BYTES 16384
#define PANEL_STRIDE (PANEL * 4) /* bytes from one group of inputs of a panel to the next */

/* Set the shapes of the tiles: 0 to 3 hold the sums of two blocks of rows and two halves of a panel, 4 and 5 the
   blocks, 6 and 7 the weights of the halves.

   first, second: the number of rows of each block; 0 if there is no second one */
INLINE void amx_configure(int64_t first, int64_t second) {
    struct {
        uint8_t palette, start, zeros[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    const int64_t others = second ? second : first;
    const int64_t rows[8] = {first, first, others, others, first, others, AMX_ROWS, AMX_ROWS};
    for (int tile = 0; tile < 8; tile++) {
        config.row_bytes[tile] = ROW_STRIDE;
        config.rows[tile] = (uint8_t)rows[tile];
    }
    _tile_loadconfig(&config);
}

/* Add a bias and what `y` holds to the sums of a panel for one row, and write them. */
INLINE void amx_store(const float *sums, const Product *p, int64_t row, int64_t panel) {
    const int64_t output = panel * PANEL, count = p->outputs - output;
    float *y = p->y + row * p->outputs + output;
    for (int o = 0; o < PANEL && count >= PANEL; o += 16) {
        __m512 sum = _mm512_loadu_ps(sums + o);
        if (p->bias) sum = _mm512_add_ps(sum, _mm512_loadu_ps(p->bias + output + o));
        if (p->add) sum = _mm512_add_ps(sum, _mm512_loadu_ps(y + o));
        _mm512_storeu_ps(y + o, sum);
    }
    if (count >= PANEL) return;
    for (int64_t o = 0; o < PANEL && o < count; o++) {
        float sum = sums[o];
        if (p->bias) sum += p->bias[output + o];
        if (p->add) sum += y[o];
        y[o] = sum;
    }
}

/* The three parts of 16 numbers, as the upper halves of float32 numbers. */
INLINE void amx_split(__m512 numbers, __m512i *parts) {
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000);
    for (int part = 0; part < AMX_PARTS; part++) {
        parts[part] = _mm512_and_si512(_mm512_castps_si512(numbers), upper);
        numbers = _mm512_sub_ps(numbers, _mm512_castsi512_ps(parts[part]));
    }
}

/* Write the parts of all rows as tiles: [block of rows][block of 32 inputs][part][row][input]. */
INLINE void amx_pack_rows(const Product *p, int64_t blocks, char *tiles) {
    for (int64_t row = 0; row < p->rows; row++) {
        const float *x = p->x + row * p->inputs;
        char *out = tiles + row / AMX_ROWS * blocks * AMX_PARTS * AMX_BYTES + row % AMX_ROWS * ROW_STRIDE;
        for (int64_t first = 0; first < blocks * 32; first += 16) {
            const int64_t left = p->inputs - first;
            const __mmask16 exist = left >= 16 ? 0xffff : left > 0 ? (__mmask16)((1 << left) - 1) : 0;
            __m512i parts[AMX_PARTS];
            amx_split(_mm512_maskz_loadu_ps(exist, x + first), parts);
            char *tile = out + first / 32 * AMX_PARTS * AMX_BYTES + first % 32 * 2;
            for (int part = 0; part < AMX_PARTS; part++)
                _mm256_storeu_si256((__m256i *)(tile + part * AMX_BYTES),
                                    _mm512_cvtepi32_epi16(_mm512_srli_epi32(parts[part], 16)));
        }
    }
}

/* Write all rows as levels in tiles: [block of rows][block of 64 inputs][row][input]. */
INLINE void amx_pack_levels(const Product *p, int64_t blocks, char *tiles, float *peaks) {
    int8_t *levels = malloc(blocks * ROW_STRIDE);
    for (int64_t row = 0; row < p->rows; row++) {
        peaks[row] = quantise_avx512(p->x + row * p->inputs, p->inputs, blocks * ROW_STRIDE, levels);
        char *out = tiles + row / AMX_ROWS * blocks * AMX_BYTES + row % AMX_ROWS * ROW_STRIDE;
        for (int64_t block = 0; block < blocks; block++)
            memcpy(out + block * AMX_BYTES, levels + block * ROW_STRIDE, ROW_STRIDE);
    }
    free(levels);
}

/* Load a block of weights of one panel, two tiles, and prefetch a later one. */
#define LOAD_WEIGHTS(weights)                                             \
    do {                                                                  \
        for (int line = 0; line < 2 * AMX_BYTES; line += 64)              \
            _mm_prefetch((weights) + PREFETCH_BYTES + line, _MM_HINT_T0); \
        _tile_loadd(6, (weights), PANEL_STRIDE);                          \
        _tile_loadd(7, (weights) + ROW_STRIDE, PANEL_STRIDE);             \
    } while (0)

/* The sums of one panel for one or two blocks of rows, [row][output]; `second` is a constant. */
INLINE void amx_panel_bfloat16(const int second, const char *rows, const char *weights, int64_t blocks, float *sums) {
    const char *others = rows + blocks * AMX_PARTS * AMX_BYTES;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t block = 0; block < blocks; block++, weights += 2 * AMX_BYTES) {
        LOAD_WEIGHTS(weights);
        for (int part = 0; part < AMX_PARTS; part++, rows += AMX_BYTES, others += AMX_BYTES) {
            _tile_loadd(4, rows, ROW_STRIDE);
            _tile_dpbf16ps(0, 4, 6);
            _tile_dpbf16ps(1, 4, 7);
            if (!second) continue;
            _tile_loadd(5, others, ROW_STRIDE);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    _tile_stored(0, sums, PANEL_STRIDE);
    _tile_stored(1, sums + AMX_ROWS, PANEL_STRIDE);
    if (!second) return;
    _tile_stored(2, sums + AMX_ROWS * PANEL, PANEL_STRIDE);
    _tile_stored(3, sums + AMX_ROWS * PANEL + AMX_ROWS, PANEL_STRIDE);
}

/* The same for levels. */
INLINE void amx_panel_int8(const int second, const char *rows, const char *weights, int64_t blocks, int32_t *sums) {
    const char *others = rows + blocks * AMX_BYTES;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t block = 0; block < blocks; block++, weights += 2 * AMX_BYTES) {
        LOAD_WEIGHTS(weights);
        _tile_loadd(4, rows + block * AMX_BYTES, ROW_STRIDE);
        _tile_dpbssd(0, 4, 6);
        _tile_dpbssd(1, 4, 7);
        if (!second) continue;
        _tile_loadd(5, others + block * AMX_BYTES, ROW_STRIDE);
        _tile_dpbssd(2, 5, 6);
        _tile_dpbssd(3, 5, 7);
    }
    _tile_stored(0, sums, PANEL_STRIDE);
    _tile_stored(1, sums + AMX_ROWS, PANEL_STRIDE);
    if (!second) return;
    _tile_stored(2, sums + AMX_ROWS * PANEL, PANEL_STRIDE);
    _tile_stored(3, sums + AMX_ROWS * PANEL + AMX_ROWS, PANEL_STRIDE);
}

/* The number of rows of the block that begins at a row; 0 after the last one. */
INLINE int64_t amx_block_rows(const Product *p, int64_t row) {
    return row + AMX_ROWS <= p->rows ? AMX_ROWS : row < p->rows ? p->rows - row : 0;
}

static void product_bfloat16_amx(const Product *p) {
    const int64_t blocks = (p->inputs + 31) / 32, row_blocks = (p->rows + AMX_ROWS - 1) / AMX_ROWS;
    char *memory = malloc(row_blocks * blocks * AMX_PARTS * AMX_BYTES + 64);
    char *tiles = memory + (-(uintptr_t)memory & 63);
    amx_pack_rows(p, blocks, tiles);
    float sums[2 * AMX_ROWS][PANEL] __attribute__((aligned(64)));
    int64_t configured = 0;
    for (int64_t panel = p->first; panel < p->last; panel++) {
        const char *weights = (const char *)p->packed + panel * blocks * 2 * AMX_BYTES;
        for (int64_t row = 0; row < p->rows; row += 2 * AMX_ROWS) {
            const int64_t first = amx_block_rows(p, row), second = amx_block_rows(p, row + AMX_ROWS);
            if (first + second != configured) amx_configure(first, second);
            configured = first + second;
            const char *rows = tiles + row / AMX_ROWS * blocks * AMX_PARTS * AMX_BYTES;
            if (second) amx_panel_bfloat16(1, rows, weights, blocks, sums[0]);
            else amx_panel_bfloat16(0, rows, weights, blocks, sums[0]);
            for (int64_t r = 0; r < configured; r++) amx_store(sums[r], p, row + r, panel);
        }
    }
    _tile_release();
    free(memory);
}

static void product_int8_amx(const Product *p) {
    const int64_t blocks = (p->inputs + 63) / 64, row_blocks = (p->rows + AMX_ROWS - 1) / AMX_ROWS;
    char *memory = malloc(row_blocks * blocks * AMX_BYTES + p->rows * sizeof(float) + 64);
    char *tiles = memory + (-(uintptr_t)memory & 63);
    float *peaks = (float *)(tiles + row_blocks * blocks * AMX_BYTES);
    amx_pack_levels(p, blocks, tiles, peaks);
    int32_t sums[2 * AMX_ROWS][PANEL] __attribute__((aligned(64)));
    float results[PANEL];
    int64_t configured = 0;
    for (int64_t panel = p->first; panel < p->last; panel++) {
        const char *weights = (const char *)p->packed + panel * blocks * 2 * AMX_BYTES;
        const float *scale = p->scale + panel * PANEL;
        for (int64_t row = 0; row < p->rows; row += 2 * AMX_ROWS) {
            const int64_t first = amx_block_rows(p, row), second = amx_block_rows(p, row + AMX_ROWS);
            if (first + second != configured) amx_configure(first, second);
            configured = first + second;
            const char *rows = tiles + row / AMX_ROWS * blocks * AMX_BYTES;
            if (second) amx_panel_int8(1, rows, weights, blocks, sums[0]);
            else amx_panel_int8(0, rows, weights, blocks, sums[0]);
            for (int64_t r = 0; r < configured; r++) {
                for (int o = 0; o < PANEL; o++) results[o] = (float)sums[r][o] * scale[o] * peaks[row + r];
                amx_store(results, p, row + r, panel);
            }
        }
    }
    _tile_release();
    free(memory);
}

/* Return whether the processor has AMX, and the system lets this process use it. */
static int amx_exists(void) {
    uint32_t a, b, c, d;
    const uint32_t bits = 1u << 22 | 1u << 24 | 1u << 25; /* bfloat16, tiles, 8-bit integers */
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & bits) != bits) return 0;
    return !syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* the data of tiles */);
}
