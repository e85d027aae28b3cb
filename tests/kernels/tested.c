/* What all cases share: see check.h. */

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

void add_backend(const char *name, int is_wanted)
{
    const struct tlog_backend *backend = tlog_backend(name);
    if (backend && tested_count < COUNT_OF(tested)) {
        tested[tested_count++] = (struct tested){name, backend, 0};
    } else if (is_wanted) {
        printf("%s: not on this machine\n", name);
        exit(2);
    }
}

void add_backends(void)
{
    static const char *const names[] = {"avx512", "shani", "avx2", "armv8", "portable"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        add_backend(names[i], 0);
}

void fill_pool(void)
{
    for (size_t i = 0; i < POOL_BYTES; i++)
        pool[i] = (uint8_t)(random_word() >> 32);
}
