/* Buffers of exactly the size that they are said to have, so that AddressSanitizer and
   valgrind see one byte too far; or beside a page that may not be touched, so that
   the processor itself sees it, whatever instruction it was. */

#ifndef TESTS_ROOMS_H
#define TESTS_ROOMS_H

#include <stddef.h>
#include <stdint.h>

enum place {
    /* From malloc, k bytes behind its start, to its very end. */
    BEHIND_0,
    BEHIND_1,
    BEHIND_2,
    BEHIND_3,
    /* The first byte lies behind a forbidden page; the last byte before one. */
    BEHIND_FENCE,
    BEFORE_FENCE,
    PLACES
};

struct room {
    uint8_t *at;
    size_t size;
    /* What it was filled with, and must still be when it is left; 0 for a result. */
    const void *content;
    uint8_t *whole;
    /* In pages; 0 from malloc. */
    size_t mapped;
};

/* A room for an input, filled; `content` must live as long. */
struct room room_of(const void *content, size_t size, enum place place);

/* A room for a result. */
struct room room_for(size_t size, enum place place);

/* Whether nothing has been written to a room for a result. */
int is_untouched(const struct room *room);

/* Give it back; an input that was written to ends the program. */
void leave_room(struct room *room);

#endif
