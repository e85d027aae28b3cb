/* What all cases share: the backends, the bytes that are hashed, and the verdict. */

#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <stdlib.h>
#include <string.h>

#include "hashing.h"
#include "rooms.h"
#include "textbook.h"

#define NODE (2 * HASH)
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Bytes that look random and are always the same. */
#define POOL_BYTES ((size_t)3 << 20)
extern uint8_t pool[POOL_BYTES];

struct tested {
    const char *name;
    const struct tlog_backend *backend;
    unsigned long checks;
};
extern struct tested tested[];
extern size_t tested_count;

#define EACH(it) (struct tested *it = tested; it < tested + tested_count; it++)

/* Let a backend be tested.  is_wanted: without it the program ends. */
void add_backend(const char *name, int is_wanted);

/* Let all that this machine has be tested. */
void add_backends(void);

void fill_pool(void);

/* Fewer cases, for valgrind. */
extern int is_short;

uint64_t random_word(void);

/* A case without a reason for one place goes to all of them in turn. */
enum place next_place(void);

/* From malloc, which must not fail. */
void *memory(size_t size);

/* Count a check; a wrong one ends the program.  x, y: what tells the case. */
void require(struct tested *it, int is_right, const char *what, uint64_t x, uint64_t y);

/* Require that a result is what the textbook says, and leave its room. */
void expect(struct tested *it, const uint8_t *expected, struct room *found,
            const char *what, uint64_t x, uint64_t y);

/* The cases: one after the other on all backends, so that the textbook works once. */
void check_pairs(size_t count, unsigned threads, enum place place);
void check_messages(const uint64_t *sizes, size_t count, int prefix, unsigned threads,
                    enum place place);
void check_growth(uint64_t start, size_t leaves, unsigned threads, enum place place);
void check_subtree_roots(size_t tiles, unsigned threads, enum place place);
void check_small_root(size_t count, enum place place);
void check_tile_levels(size_t count, enum place place);

void check_all_pairs(void);
void check_single_messages(void);
void check_batches(void);
void check_sums(void);
void check_bundles(void);
void check_small_trees(void);
void check_growths(void);
void check_threads(void);

#endif
