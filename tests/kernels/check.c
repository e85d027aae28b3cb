/* Calls every function of hashing.h, on every backend of this machine, with buffers of
   exactly the right size, and compares what comes out with the textbook.

     check [--short] [--threads] [backend ...]

   --short: fewer cases, for valgrind.  --threads: only batches for several threads.
   Exits with 1 at the first difference. */

#include "check.h"

#include <inttypes.h>
#include <stdio.h>

#define SEED 0x9e3779b97f4a7c15u

uint8_t pool[POOL_BYTES];
struct tested tested[5];
size_t tested_count;
int is_short;

uint64_t random_word(void)
{
    static uint64_t word = SEED;
    word ^= word << 13;
    word ^= word >> 7;
    word ^= word << 17;
    return word;
}

enum place next_place(void)
{
    static unsigned turn;
    return (enum place)(turn++ % PLACES);
}

void *memory(size_t size)
{
    void *found = malloc(size);
    if (!found)
        abort();
    return found;
}

void require(struct tested *it, int is_right, const char *what, uint64_t x, uint64_t y)
{
    it->checks++;
    if (is_right)
        return;
    printf("%s: %s of %" PRIu64 ", %" PRIu64 " is wrong\n", it->name, what, x, y);
    exit(1);
}

void expect(struct tested *it, const uint8_t *expected, struct room *found,
            const char *what, uint64_t x, uint64_t y)
{
    require(it, memcmp(expected, found->at, found->size) == 0, what, x, y);
    leave_room(found);
}

static void add_backend(const char *name, int is_wanted)
{
    const struct tlog_backend *backend = tlog_backend(name);
    if (backend && tested_count < COUNT_OF(tested)) {
        tested[tested_count++] = (struct tested){name, backend, 0};
    } else if (is_wanted) {
        printf("%s: not on this machine\n", name);
        exit(2);
    }
}

static void check_all(void)
{
    check_all_pairs();
    check_single_messages();
    check_batches();
    check_sums();
    check_bundles();
    check_small_trees();
    check_growths();
}

int main(int count, char **arguments)
{
    static const char *const names[] = {"avx512", "shani", "avx2", "armv8", "portable"};
    int has_threads_alone = 0;
    for (int i = 1; i < count; i++)
        if (strcmp(arguments[i], "--short") == 0)
            is_short = 1;
        else if (strcmp(arguments[i], "--threads") == 0)
            has_threads_alone = 1;
        else
            add_backend(arguments[i], 1);
    const int are_named = tested_count > 0;
    for (size_t i = 0; i < COUNT_OF(names) && !are_named; i++)
        add_backend(names[i], 0);
    if (tlog_backend("sha256") || tlog_backend(""))
        return puts("a backend that is none"), 1;

    prepare_textbook();
    for (size_t i = 0; i < POOL_BYTES; i++)
        pool[i] = (uint8_t)(random_word() >> 32);
    if (!has_threads_alone)
        check_all();
    if (has_threads_alone || !is_short)
        check_threads();
    for EACH(it)
        printf("%-8s %lu checks\n", it->name, it->checks);
    return 0;
}
