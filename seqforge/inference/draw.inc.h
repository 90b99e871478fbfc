/* The draw of one choice per row, after a mask and top-k, top-p and min-p. The same numbers as those of numpy in
   seqforge/sampling/distributions/categorical.py, except that sums of weights are added in another order. Included once
   per instruction set; all of them give the same numbers. */

/* The k-th largest of numbers that are not negative, by bisection: as integers, their bits have the same order. */
static double NAME(kth_largest)(const double *x, int64_t count, int64_t k) {
    const Bits *bits = (const Bits *)x;
    int64_t low = 0, high = 0;
    for (int64_t i = 0; i < count; i++) high = bits[i] > high ? bits[i] : high;
    high++;
    /* the first guess is that they are within a factor of 2^32 of the largest one */
    for (int64_t middle = high - ((int64_t)32 << 52); high - low > 1; middle = low + (high - low) / 2) {
        if (middle <= 0) continue;
        int64_t above = 0;
        for (int64_t i = 0; i < count; i++) above += bits[i] >= middle;
        if (above >= k) low = middle;
        else high = middle;
        if (above == k) break;
    }
    int64_t smallest = INT64_MAX;
    for (int64_t i = 0; i < count; i++) smallest = bits[i] >= low && bits[i] < smallest ? bits[i] : smallest;
    double value;
    memcpy(&value, &smallest, sizeof value);
    return value;
}

/* The smallest of the largest numbers whose sum reaches `share` of the sum of all; `x` is overwritten. */
static double NAME(smallest_of_share)(double *x, int64_t count, double share) {
    double total = 0, mass = 0;
    for (int64_t i = 0; i < count; i++) total += x[i];
    for (int64_t remaining = count;; remaining--) {
        double largest = 0;
        for (int64_t i = 0; i < remaining; i++) largest = x[i] > largest ? x[i] : largest;
        int64_t place = 0;
        while (x[place] < largest) place++;
        mass += largest;
        if (!(mass < share * total) || remaining == 1) return largest;
        x[place] = x[remaining - 1];
    }
}

/* The smallest weight that stays; `buffer` has room for all weights of the row. */
static double NAME(threshold_of)(const Draw *d, const double *weights, double *buffer) {
    double threshold = 0, largest = 0;
    for (int64_t i = 0; i < d->choices; i++)
        if (weights[i] > largest) largest = weights[i];
    if (d->k) {
        threshold = NAME(kth_largest)(weights, d->choices, d->k);
        if (d->p < 1) {
            /* the k largest weights; of several that equal the smallest one, as many as there is room for */
            int64_t above = 0;
            for (int64_t i = 0; i < d->choices; i++) {
                buffer[above] = weights[i];
                above += weights[i] > threshold;
            }
            while (above < d->k) buffer[above++] = threshold;
            const double smallest = NAME(smallest_of_share)(buffer, d->k, d->p);
            if (smallest > threshold) threshold = smallest;
        }
    }
    if (d->min_p > 0 && d->min_p * largest > threshold) threshold = d->min_p * largest;
    return threshold;
}

static double NAME(sum_of)(const double *x, int64_t count) {
    double sums[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int lane = 0; lane < 8; lane++) sums[lane] += x[i + lane];
    for (; i < count; i++) sums[0] += x[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

static void NAME(draw_rows)(const Draw *d) {
    double *weights = malloc(2 * d->choices * sizeof(double)), *buffer = weights + d->choices;
    for (int64_t row = 0; row < d->rows; row++) {
        const double *all = d->weights + row * d->choices, *tempered = d->tempered + row * d->choices;
        const double total = NAME(sum_of)(all, d->choices);
        d->total[row] = total;
        d->masked[row] = 0;
        if (d->masks) {
            const uint8_t *mask = d->masks + row * d->choices;
            for (int64_t i = 0; i < d->choices; i++) weights[i] = mask[i] ? all[i] : 0;
            d->masked[row] = 1 - NAME(sum_of)(weights, d->choices) / total;
            if (tempered != all)
                for (int64_t i = 0; i < d->choices; i++) weights[i] = mask[i] ? tempered[i] : 0;
            tempered = weights;
        }
        /* inverse transform sampling; a choice of weight 0 is never drawn */
        const double threshold = d->k || d->min_p > 0 ? NAME(threshold_of)(d, tempered, buffer) : 0;
        double mass = 0;
        for (int64_t i = 0; i < d->choices; i++) {
            mass += tempered[i] >= threshold ? tempered[i] : 0;
            buffer[i] = mass;
        }
        const double limit = fmin(d->uniforms[row] * mass, nextafter(mass, 0));
        int64_t choice = 0;
        for (int64_t i = 0; i < d->choices; i++) choice += buffer[i] <= limit;
        d->chosen[row] = choice;
    }
    free(weights);
}
