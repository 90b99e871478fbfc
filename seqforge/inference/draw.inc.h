/* The draw of one choice per row, after temperature, a mask and top-k, top-p and min-p. The same numbers as those of
   numpy in seqforge/sampling/distributions/categorical.py but for rounding: exponentials are computed here, and sums
   are added in another order. Included once per instruction set. */

#define DOUBLES (VECTOR_BYTES / 8)
#define vd NAME(vd)
#define vl NAME(vl)
#define vs NAME(vs)
typedef double vd __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
typedef int64_t vl __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
typedef float vs __attribute__((vector_size(VECTOR_BYTES / 2), aligned(4), may_alias));

/* exp(x) for x <= 0: 2^n exp(r) with x = n log 2 + r, |r| <= log(2) / 2, and the Taylor series of degree 13, whose
   relative error is below 1e-17; 0 below -708, where 2^n is not a normal number. */
INLINE vd NAME(exp_double)(vd x) {
    const vl is_normal = x >= -708.0;
    x = (vd)((vl)x & is_normal);
    const vd shifted = x * 1.4426950408889634 + 6755399441055744.0; /* 1.5 * 2^52: n is in the last bits */
    const vd n = shifted - 6755399441055744.0;
    const vd r = (x - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
    vd series = r * (1.0 / 6227020800) + 1.0 / 479001600;
    series = series * r + 1.0 / 39916800;
    series = series * r + 1.0 / 3628800;
    series = series * r + 1.0 / 362880;
    series = series * r + 1.0 / 40320;
    series = series * r + 1.0 / 5040;
    series = series * r + 1.0 / 720;
    series = series * r + 1.0 / 120;
    series = series * r + 1.0 / 24;
    series = series * r + 1.0 / 6;
    series = series * r + 0.5;
    series = (series * r + 1.0) * r + 1.0;
    const vd power = (vd)(((vl)shifted + 1023) << 52);
    return (vd)((vl)(power * series) & is_normal);
}

/* The largest of some numbers; NaN if one of them is NaN. */
static float NAME(largest_of)(const float *x, int64_t count) {
    float largest = -INFINITY;
    int64_t i = 0;
    if (count >= LANES) {
        vf largest_lanes = *(const vf *)x;
        vi is_nan = largest_lanes != largest_lanes;
        for (; i + LANES <= count; i += LANES) {
            const vf values = *(const vf *)(x + i);
            const vi above = values > largest_lanes;
            largest_lanes = (vf)(((vi)values & above) | ((vi)largest_lanes & ~above));
            is_nan |= values != values;
        }
        for (int lane = 0; lane < LANES; lane++) {
            largest = largest_lanes[lane] > largest ? largest_lanes[lane] : largest;
            if (is_nan[lane]) return NAN;
        }
    }
    for (; i < count; i++) largest = x[i] > largest || x[i] != x[i] ? x[i] : largest;
    return largest;
}

/* weights[i] = exp((logits[i] - peak) * factor); the last vector overlaps the one before it. */
static void NAME(exponentials)(const float *logits, int64_t count, double peak, double factor, double *weights) {
    if (count < DOUBLES) {
        double values[DOUBLES] = {0};
        for (int64_t i = 0; i < count; i++) values[i] = (logits[i] - peak) * factor;
        const vd powers = NAME(exp_double)(*(const vd *)values);
        memcpy(weights, &powers, count * sizeof(double));
        return;
    }
    for (int64_t i = 0; i < count; i += DOUBLES) {
        const int64_t first = i + DOUBLES <= count ? i : count - DOUBLES;
        const vd values = __builtin_convertvector(*(const vs *)(logits + first), vd);
        *(vd *)(weights + first) = NAME(exp_double)((values - peak) * factor);
    }
}

static double NAME(sum_of)(const double *x, int64_t count) {
    double sums[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int lane = 0; lane < 8; lane++) sums[lane] += x[i + lane];
    for (; i < count; i++) sums[0] += x[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

/* Numbers that are not negative have the same order as their bits, read as integers. */
static double NAME(from_bits)(int64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The bits of the largest number. */
static int64_t NAME(largest_bits)(const double *x, int64_t count) {
    const Bits *bits = (const Bits *)x;
    int64_t largest = 0;
    for (int64_t i = 0; i < count; i++) largest = bits[i] > largest ? bits[i] : largest;
    return largest;
}

/* The smallest of the numbers whose bits are at least `low`. */
static double NAME(smallest_from)(const double *x, int64_t count, int64_t low) {
    const Bits *bits = (const Bits *)x;
    int64_t smallest = INT64_MAX;
    for (int64_t i = 0; i < count; i++) smallest = bits[i] >= low && bits[i] < smallest ? bits[i] : smallest;
    return NAME(from_bits)(smallest);
}

/* The number of those whose bits are at least `low`, which is positive. */
INLINE int64_t NAME(count_from)(const double *x, int64_t count, int64_t low) {
    int64_t from = 0, i = 0;
#if VECTOR_BYTES == 64
    const __m512i lows = _mm512_set1_epi64(low);
    for (; i + 8 <= count; i += 8)
        from += __builtin_popcount(_mm512_cmp_epi64_mask(_mm512_loadu_si512(x + i), lows, _MM_CMPINT_NLT));
#endif
    const Bits *bits = (const Bits *)x;
    for (; i < count; i++) from += bits[i] >= low;
    return from;
}

/* The k-th largest number, by bisection. */
static double NAME(kth_largest)(const double *x, int64_t count, int64_t k) {
    int64_t low = 0, high = NAME(largest_bits)(x, count) + 1; /* at least k numbers from `low`, fewer from `high` */
    /* the first guess is that it is within a factor of 2^32 of the largest one */
    for (int64_t middle = high - ((int64_t)32 << 52); high - low > 1; middle = low + (high - low) / 2) {
        if (middle <= 0) continue;
        const int64_t from = NAME(count_from)(x, count, middle);
        if (from >= k) low = middle;
        else high = middle;
        if (from == k) break;
    }
    return NAME(smallest_from)(x, count, low);
}

/* The sum of the numbers whose bits are at least `low`, and how many there are; in eight lanes on any machine. */
INLINE double NAME(sum_from)(const double *x, int64_t count, int64_t low, int64_t *from) {
    const Bits *bits = (const Bits *)x;
    double sum;
    int64_t i = 0;
    *from = 0;
#if VECTOR_BYTES == 64
    const __m512i lows = _mm512_set1_epi64(low);
    __m512d lanes = _mm512_setzero_pd();
    for (; i + 8 <= count; i += 8) {
        const __mmask8 mask = _mm512_cmp_epi64_mask(_mm512_loadu_si512(x + i), lows, _MM_CMPINT_NLT);
        lanes = _mm512_mask_add_pd(lanes, mask, lanes, _mm512_loadu_pd(x + i));
        *from += __builtin_popcount(mask);
    }
    sum = _mm512_reduce_add_pd(lanes);
#else
    double lanes[8] = {0};
    for (; i + 8 <= count; i += 8)
        for (int lane = 0; lane < 8; lane++) {
            lanes[lane] += bits[i + lane] >= low ? x[i + lane] : 0;
            *from += bits[i + lane] >= low;
        }
    sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
#endif
    for (; i < count; i++) {
        sum += bits[i] >= low ? x[i] : 0;
        *from += bits[i] >= low;
    }
    return sum;
}

/* The smallest of the largest numbers whose sum reaches `share` of the sum of all, by bisection. */
static double NAME(smallest_of_share)(const double *x, int64_t count, double share) {
    int64_t from_low, from_high = 0; /* the number of those from `low` and from `high` */
    const double limit = share * NAME(sum_from)(x, count, 0, &from_low);
    /* the sum from `low` reaches the limit, that from `high` does not */
    int64_t low = 0, high = NAME(largest_bits)(x, count) + 1;
    for (int64_t middle = high - ((int64_t)8 << 52); high - low > 1; middle = low + (high - low) / 2) {
        if (middle <= low) continue;
        int64_t from;
        if (NAME(sum_from)(x, count, middle, &from) < limit) high = middle, from_high = from;
        else low = middle, from_low = from;
        if (from_low - from_high <= 1) break;
    }
    return NAME(smallest_from)(x, count, low);
}

/* Write the numbers above a threshold one after another; return how many there are. */
INLINE int64_t NAME(select_above)(const double *x, int64_t count, double threshold, double *selected) {
    int64_t above = 0, i = 0;
#if VECTOR_BYTES == 64
    const __m512d thresholds = _mm512_set1_pd(threshold);
    for (; i + 8 <= count; i += 8) {
        const __m512d values = _mm512_loadu_pd(x + i);
        const __mmask8 mask = _mm512_cmp_pd_mask(values, thresholds, _CMP_GT_OQ);
        _mm512_mask_compressstoreu_pd(selected + above, mask, values);
        above += __builtin_popcount(mask);
    }
#endif
    for (; i < count; i++) {
        selected[above] = x[i];
        above += x[i] > threshold;
    }
    return above;
}

/* The smallest weight that stays; `buffer` has room for all weights of the row. */
static double NAME(threshold_of)(const Draw *d, const double *weights, double *buffer) {
    double threshold = 0;
    if (d->k) {
        threshold = NAME(kth_largest)(weights, d->choices, d->k);
        if (d->p < 1) {
            /* the k largest weights; of several that equal the smallest one, as many as there is room for */
            int64_t above = NAME(select_above)(weights, d->choices, threshold, buffer);
            while (above < d->k) buffer[above++] = threshold;
            const double smallest = NAME(smallest_of_share)(buffer, d->k, d->p);
            if (smallest > threshold) threshold = smallest;
        }
    }
    const double smallest = d->min_p > 0 ? d->min_p * NAME(from_bits)(NAME(largest_bits)(weights, d->choices)) : 0;
    return smallest > threshold ? smallest : threshold;
}

/* The choice at which the sum of the weights from `threshold` on exceeds the share `uniform` of their total. A weight
   of 0 is never chosen. The sums of blocks are added first, which is a shorter chain of sums. */
static int64_t NAME(invert)(const double *weights, int64_t count, double threshold, double uniform, double *blocks) {
    int64_t low, number;
    memcpy(&low, &threshold, sizeof low);
    double mass = 0;
    for (int64_t first = 0, block = 0; first < count; first += BLOCK, block++) {
        mass += NAME(sum_from)(weights + first, count - first < BLOCK ? count - first : BLOCK, low, &number);
        blocks[block] = mass;
    }
    if (!(mass > 0)) return 0; /* all weights are too small; the caller does not use the choice */
    const double limit = fmin(uniform * mass, nextafter(mass, 0)); /* the product may be rounded up to the total */
    int64_t block = 0, choice = -1;
    while (blocks[block] <= limit) block++;
    double sum = block ? blocks[block - 1] : 0;
    for (int64_t i = block * BLOCK; i < count && i < (block + 1) * BLOCK; i++) {
        if (!(weights[i] >= threshold) || weights[i] == 0) continue;
        choice = i; /* the last weight of the block, if its sum is rounded down to the limit */
        sum += weights[i];
        if (sum > limit) break;
    }
    return choice;
}

static int64_t NAME(draw_rows)(const Draw *d) {
    double *all = malloc(4 * d->choices * sizeof(double));
    double *tempered = all + d->choices, *weights = tempered + d->choices, *buffer = weights + d->choices;
    int64_t bad_rows = 0;
    for (int64_t row = 0; row < d->rows; row++) {
        const float *logits = d->logits + row * d->choices;
        const double peak = NAME(largest_of)(logits, d->choices);
        if (!isfinite(peak)) {
            bad_rows++;
            continue;
        }
        NAME(exponentials)(logits, d->choices, peak, 1, all);
        const double *drawn = all, total = NAME(sum_of)(all, d->choices);
        if (d->factor != 1) {
            NAME(exponentials)(logits, d->choices, peak, d->factor, tempered);
            drawn = tempered;
        }
        d->masked[row] = 0;
        if (d->masks) {
            const uint8_t *mask = d->masks + row * d->choices;
            for (int64_t i = 0; i < d->choices; i++) weights[i] = mask[i] ? all[i] : 0;
            d->masked[row] = 1 - NAME(sum_of)(weights, d->choices) / total;
            if (drawn != all)
                for (int64_t i = 0; i < d->choices; i++) weights[i] = mask[i] ? drawn[i] : 0;
            drawn = weights;
        }
        /* inverse transform sampling; a choice of weight 0 is never drawn */
        const double threshold = d->k || d->min_p > 0 ? NAME(threshold_of)(d, drawn, buffer) : 0;
        const int64_t choice = NAME(invert)(drawn, d->choices, threshold, d->uniforms[row], buffer);
        d->chosen[row] = choice;
        d->score[row] = logits[choice] - peak - log(total);
    }
    free(all);
    return bad_rows;
}

#undef DOUBLES
#undef vd
#undef vl
#undef vs
