/* The shapes of the tiles of AMX, and the threads that share the work. */

#include <cpuid.h>
#include <immintrin.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define INLINE static inline __attribute__((always_inline))
#define TARGET __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")))
#define TILE 16         /* rows and columns of a tile of sums */
#define DEPTH 32        /* inputs of a product of two tiles */
#define PAIR (2 * TILE) /* units that a thread computes at a time, and rows */
#define TILE_BYTES 1024
#define SPINS 4000 /* how often a thread looks for the others before it lets another one run */

/* The threads that share the work, those of the OpenMP library of torch: its waiting threads occupy their cores. */
typedef struct {
    int64_t threads;                                                   /* their number at most */
    void (*parallel)(void (*)(void *), void *, unsigned, unsigned); /* GOMP_parallel; NULL for one thread */
    int (*thread_number)(void);                                        /* omp_get_thread_num */
    int (*team_size)(void);                                            /* omp_get_num_threads */
    atomic_long arrived;                                               /* threads that have reached a barrier so far */
} Team;

/* Call a function in all threads. */
INLINE void run(Team *team, void (*function)(void *), void *argument) {
    atomic_store(&team->arrived, 0);
    if (team->parallel) team->parallel(function, argument, (unsigned)team->threads, 0);
    else function(argument);
}

/* The part of `count` items that belongs to the calling thread. */
INLINE void share(const Team *team, int64_t count, int64_t *first, int64_t *last) {
    const int64_t threads = team->parallel ? team->team_size() : 1;
    const int64_t thread = team->parallel ? team->thread_number() : 0;
    *first = count * thread / threads;
    *last = count * (thread + 1) / threads;
}

/* Wait until all threads have called this function `count` times. */
INLINE void barrier(Team *team, int64_t count) {
    if (!team->parallel) return;
    const int64_t all = count * team->team_size();
    atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel);
    for (int64_t spin = 0; atomic_load_explicit(&team->arrived, memory_order_acquire) < all; spin++) {
        if (spin < SPINS) _mm_pause();
        else sched_yield();
    }
}

/* Tiles 0 to 3 hold sums, 4 and 5 two blocks of rows, 6 and 7 weights. */
INLINE TARGET void configure(int64_t first, int64_t second) {
    struct {
        uint8_t palette, start, zeros[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } config = {.palette = 1};
    const int64_t others = second ? second : first; /* tiles without rows are not allowed */
    const int64_t rows[8] = {first, first, others, others, first, others, TILE, TILE};
    for (int tile = 0; tile < 8; tile++) {
        config.row_bytes[tile] = 64;
        config.rows[tile] = (uint8_t)rows[tile];
    }
    _tile_loadconfig(&config);
}

/* The number of blocks of 32 numbers. */
INLINE int64_t blocks_of(int64_t count) { return (count + DEPTH - 1) / DEPTH; }
