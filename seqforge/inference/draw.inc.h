/* The draw of one choice per row, after a mask and top-k, top-p and min-p. The same numbers as those of numpy in
   seqforge/sampling/distributions/categorical.py, except that sums of weights are added in another order. */

typedef struct {
    const double *weights;  /* unnormalised probabilities at temperature 1, (rows, choices) */
    const double *tempered; /* those to draw with, (rows, choices) */
    const uint8_t *masks;   /* whether each choice is allowed, (rows, choices), or NULL */
    const double *uniforms; /* one random number per row */
    int64_t rows;
    int64_t choices;
    int64_t k;       /* the number of most probable choices to draw among; 0 for all */
    double p;        /* the share of the probability of these k that is drawn among; it needs k */
    double min_p;    /* the smallest fraction of the highest probability */
    int64_t *chosen; /* the results: the choice of each row, */
    double *masked;  /* the probability of what the mask forbids, */
    double *total;   /* and the sum of the weights */
} Draw;

static void sort_descending(double *x, int64_t count) {
    for (int64_t i = 1; i < count; i++) {
        const double value = x[i];
        int64_t j = i;
        for (; j > 0 && x[j - 1] < value; j--) x[j] = x[j - 1];
        x[j] = value;
    }
}

/* Move the k largest of `count` numbers to the front. */
static void select_largest(double *x, int64_t count, int64_t k) {
    int64_t low = 0, high = count - 1;
    while (low < high) {
        const double pivot = x[low + (high - low) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (x[i] > pivot) i++;
            while (x[j] < pivot) j--;
            if (i <= j) {
                const double value = x[i];
                x[i++] = x[j];
                x[j--] = value;
            }
        }
        if (k - 1 <= j) high = j;
        else if (k - 1 >= i) low = i;
        else return;
    }
}

/* The smallest weight that stays; `buffer` has room for all weights of the row. */
static double threshold_of(const Draw *d, const double *weights, double *buffer) {
    double threshold = 0, largest = 0;
    if (d->k) {
        memcpy(buffer, weights, d->choices * sizeof(double));
        select_largest(buffer, d->choices, d->k);
        threshold = largest = buffer[0];
        for (int64_t i = 1; i < d->k; i++) {
            if (buffer[i] < threshold) threshold = buffer[i];
            if (buffer[i] > largest) largest = buffer[i];
        }
        if (d->p < 1) {
            sort_descending(buffer, d->k);
            double total = 0, mass = 0;
            for (int64_t i = 0; i < d->k; i++) total += buffer[i];
            for (int64_t i = 0; i < d->k; i++) {
                mass += buffer[i];
                if (!(mass < d->p * total) || i + 1 == d->k) {
                    if (buffer[i] > threshold) threshold = buffer[i];
                    break;
                }
            }
        }
    } else if (d->min_p > 0) {
        for (int64_t i = 0; i < d->choices; i++)
            if (weights[i] > largest) largest = weights[i];
    }
    if (d->min_p > 0 && d->min_p * largest > threshold) threshold = d->min_p * largest;
    return threshold;
}

static double sum_of(const double *x, int64_t count) {
    double sums[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int lane = 0; lane < 8; lane++) sums[lane] += x[i + lane];
    for (; i < count; i++) sums[0] += x[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

EXPORT void draw_rows(const Draw *d) {
    double *weights = malloc(2 * d->choices * sizeof(double)), *buffer = weights + d->choices;
    for (int64_t row = 0; row < d->rows; row++) {
        const double *all = d->weights + row * d->choices, *tempered = d->tempered + row * d->choices;
        const double total = sum_of(all, d->choices);
        d->total[row] = total;
        d->masked[row] = 0;
        if (d->masks) {
            const uint8_t *mask = d->masks + row * d->choices;
            for (int64_t i = 0; i < d->choices; i++) weights[i] = mask[i] ? all[i] : 0;
            d->masked[row] = 1 - sum_of(weights, d->choices) / total;
            if (tempered != all)
                for (int64_t i = 0; i < d->choices; i++) weights[i] = mask[i] ? tempered[i] : 0;
            tempered = weights;
        }
        /* inverse transform sampling; a choice of weight 0 is never drawn */
        const double threshold = d->k || d->min_p > 0 ? threshold_of(d, tempered, buffer) : 0;
        double mass = 0;
        for (int64_t i = 0; i < d->choices; i++) {
            if (tempered[i] >= threshold) mass += tempered[i];
            buffer[i] = mass;
        }
        const double limit = fmin(d->uniforms[row] * mass, nextafter(mass, 0));
        int64_t choice = 0;
        for (int64_t i = 0; i < d->choices; i++) choice += buffer[i] <= limit;
        d->chosen[row] = choice;
    }
    free(weights);
}
