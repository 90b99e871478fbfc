/* The gradient of a matrix: the product of the gradients of the gates and of the inputs, over all positions.

   Rows of positions become tiles: of one side two positions are neighbours in a column, of the other side all positions
   of a block are a row. The tiles of a chunk of positions stay in the first cache for all columns of the result. */

#define CHUNK 8 /* blocks of 32 positions of a product whose tiles fit into the first cache */

/* The product sum over p of left[p][m] right[p][k], (M, K): the gradient of a matrix from those of the gates. */
typedef struct {
    int64_t positions;     /* P */
    int64_t rows;          /* M, a multiple of 32 */
    int64_t columns;       /* K */
    const uint16_t *left;  /* (P, M), bfloat16 */
    const uint16_t *right; /* (P, K), bfloat16 */
    char *packed;          /* room for `right` as tiles: P and K, each rounded up to a multiple of 32, * 2 bytes */
    float *out;            /* (M, K rounded up to a multiple of 32) */
    Team team;
} Gradient;

/* Read 32 columns of two positions as words of 32 bits, one per column: words[tile]. Missing numbers are zeros. */
INLINE TARGET void load_pair(const uint16_t *in, int64_t position, int64_t positions, int64_t columns, __mmask32 exist,
                             __m512i *words) {
    in += position * columns;
    const __m512i even = _mm512_maskz_loadu_epi16(position < positions ? exist : 0, in);
    const __m512i odd = _mm512_maskz_loadu_epi16(position + 1 < positions ? exist : 0, in + columns);
    words[0] = _mm512_or_si512(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(even)),
                               _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(odd)), 16));
    words[1] = _mm512_or_si512(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(even, 1)),
                               _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(odd, 1)), 16));
}

/* Write 32 positions of 32 columns of `right` as two tiles: [tile][position / 2][column][position % 2]. */
INLINE TARGET void pack_right(const Gradient *p, int64_t block, int64_t column, char *out) {
    const int64_t left = p->columns - column;
    const __mmask32 exist = left >= DEPTH ? 0xffffffffu : (1u << left) - 1;
    for (int64_t pair = 0; pair < TILE; pair++) {
        __m512i words[2];
        load_pair(p->right + column, block * DEPTH + 2 * pair, p->positions, p->columns, exist, words);
        for (int tile = 0; tile < 2; tile++) _mm512_store_si512(out + tile * TILE_BYTES + pair * 64, words[tile]);
    }
}

/* Transpose 16 rows of 16 words, and write them. */
INLINE TARGET void transpose(const __m512i *rows, char *out) {
    __m512i a[16], b[16];
    for (int r = 0; r < 16; r += 2) {
        a[r] = _mm512_unpacklo_epi32(rows[r], rows[r + 1]);
        a[r + 1] = _mm512_unpackhi_epi32(rows[r], rows[r + 1]);
    }
    for (int r = 0; r < 16; r += 4)
        for (int half = 0; half < 2; half++) {
            b[r + 2 * half] = _mm512_unpacklo_epi64(a[r + half], a[r + 2 + half]);
            b[r + 2 * half + 1] = _mm512_unpackhi_epi64(a[r + half], a[r + 2 + half]);
        }
    for (int r = 0; r < 4; r++) { /* b[r], b[4 + r], ... hold the columns r, 4 + r, 8 + r, 12 + r of four rows each */
        const __m512i low = _mm512_shuffle_i32x4(b[r], b[4 + r], 0x88);
        const __m512i high = _mm512_shuffle_i32x4(b[r], b[4 + r], 0xdd);
        const __m512i more = _mm512_shuffle_i32x4(b[8 + r], b[12 + r], 0x88);
        const __m512i most = _mm512_shuffle_i32x4(b[8 + r], b[12 + r], 0xdd);
        _mm512_store_si512(out + r * 64, _mm512_shuffle_i32x4(low, more, 0x88));
        _mm512_store_si512(out + (8 + r) * 64, _mm512_shuffle_i32x4(low, more, 0xdd));
        _mm512_store_si512(out + (4 + r) * 64, _mm512_shuffle_i32x4(high, most, 0x88));
        _mm512_store_si512(out + (12 + r) * 64, _mm512_shuffle_i32x4(high, most, 0xdd));
    }
}

/* Write 32 positions of 32 columns of `left` as two tiles with the positions along a row: [tile][column][position]. */
INLINE TARGET void pack_left(const Gradient *p, int64_t block, int64_t column, char *out) {
    __m512i words[2][TILE];
    for (int64_t pair = 0; pair < TILE; pair++) {
        __m512i both[2];
        load_pair(p->left + column, block * DEPTH + 2 * pair, p->positions, p->rows, 0xffffffffu, both);
        words[0][pair] = both[0];
        words[1][pair] = both[1];
    }
    for (int tile = 0; tile < 2; tile++) transpose(words[tile], out + tile * TILE_BYTES);
}

/* Add the products of a chunk of positions to 32 rows and 32 columns of the result. */
INLINE TARGET void multiply_chunk(const char *left, const char *right, int64_t blocks, int is_first, float *out,
                                  int64_t stride) {
    float *lower = out + TILE * stride / 4;
    if (is_first) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    } else {
        _tile_loadd(0, out, stride);
        _tile_loadd(1, out + TILE, stride);
        _tile_loadd(2, lower, stride);
        _tile_loadd(3, lower + TILE, stride);
    }
    for (int64_t block = 0; block < blocks; block++, left += 2 * TILE_BYTES, right += 2 * TILE_BYTES) {
        _tile_loadd(4, left, 64);
        _tile_loadd(5, left + TILE_BYTES, 64);
        _tile_loadd(6, right, 64);
        _tile_loadd(7, right + TILE_BYTES, 64);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, out, stride);
    _tile_stored(1, out + TILE, stride);
    _tile_stored(2, lower, stride);
    _tile_stored(3, lower + TILE, stride);
}

/* Compute the rows of one thread. */
static TARGET void matrix_gradient(void *gradient) {
    Gradient *p = gradient;
    const int64_t blocks = blocks_of(p->positions), width = blocks_of(p->columns);
    int64_t first, last;
    char left[CHUNK * 2 * TILE_BYTES] __attribute__((aligned(64)));
    share(&p->team, width, &first, &last);
    for (int64_t column = first; column < last; column++)
        for (int64_t block = 0; block < blocks; block++)
            pack_right(p, block, column * DEPTH, p->packed + (column * blocks + block) * 2 * TILE_BYTES);
    barrier(&p->team, 1);
    share(&p->team, p->rows / PAIR, &first, &last);
    configure(TILE, TILE);
    for (int64_t block = 0; block < blocks; block += CHUNK) {
        const int64_t count = blocks - block < CHUNK ? blocks - block : CHUNK;
        for (int64_t pair = first; pair < last; pair++) {
            for (int64_t b = 0; b < count; b++) pack_left(p, block + b, pair * PAIR, left + b * 2 * TILE_BYTES);
            for (int64_t column = 0; column < width; column++)
                multiply_chunk(left, p->packed + (column * blocks + block) * 2 * TILE_BYTES, count, !block,
                               p->out + (pair * PAIR * width + column) * DEPTH, width * DEPTH * 4);
        }
    }
    _tile_release();
}
