/* Batches that are large enough for several threads, and callers on several threads. */

#include <pthread.h>

#include "check.h"

#define PAIRS (3 * 4096 + 13)
#define MESSAGES 2100
#define CALLERS 2

struct caller {
    const struct tlog_backend *backend;
    unsigned nth;
    uint8_t pairs[HASH * PAIRS], messages[HASH * MESSAGES];
};

/* One of several that call at once: each has its own results, and shares the inputs. */
static void *call(void *argument)
{
    struct caller *caller = argument;
    uint64_t sizes[MESSAGES];
    size_t joined = 0;
    for (size_t i = 0; i < MESSAGES; i++)
        joined += sizes[i] = i % 200;
    if (caller->nth == 0)
        tlog_hash_pairs(caller->backend, pool, PAIRS, 2, caller->pairs);
    tlog_hash_messages(caller->backend, pool, joined, sizes, MESSAGES, 0, 2,
                       caller->messages);
    if (caller->nth != 0)
        tlog_hash_pairs(caller->backend, pool, PAIRS, 2, caller->pairs);
    return 0;
}

static void check_callers(void)
{
    struct caller *callers = memory(CALLERS * sizeof *callers);
    pthread_t ids[CALLERS];
    for EACH(it) {
        for (unsigned i = 0; i < CALLERS; i++) {
            callers[i].backend = it->backend;
            callers[i].nth = i;
            if (pthread_create(&ids[i], 0, call, &callers[i]))
                abort();
        }
        for (unsigned i = 0; i < CALLERS; i++)
            pthread_join(ids[i], 0);
        const int are_alike =
            memcmp(callers[0].pairs, callers[1].pairs, sizeof callers[0].pairs) == 0 &&
            memcmp(callers[0].messages, callers[1].messages,
                   sizeof callers[0].messages) == 0;
        require(it, are_alike, "callers at once", CALLERS, 0);
    }
    free(callers);
}

/* More parts than there may be threads. */
static void check_many_parts(void)
{
    const size_t count = 66 * 1024 + 5;
    uint64_t *sizes = memory(sizeof *sizes * count);
    for (size_t i = 0; i < count; i++)
        sizes[i] = random_word() % 40;
    check_messages(sizes, count, 0, 100, BEFORE_FENCE);
    free(sizes);
}

void check_threads(void)
{
    uint64_t sizes[MESSAGES];
    for (unsigned threads = 0; threads <= 3; threads++)
        check_pairs(PAIRS, threads, next_place());
    for (size_t i = 0; i < MESSAGES; i++)
        sizes[i] = random_word() % 301;
    for (int prefix = -1; prefix <= 1; prefix++)
        for (unsigned threads = 1; threads <= 2; threads++)
            check_messages(sizes, MESSAGES, prefix, threads, next_place());
    check_many_parts();
    for (unsigned threads = 1; threads <= 2; threads++)
        check_subtree_roots(70, threads, next_place());
    check_growth(((uint64_t)1 << 40) + 12345, 20000, 2, BEHIND_FENCE);
    check_callers();
}
