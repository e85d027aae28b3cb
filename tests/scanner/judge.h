/* What must be true of whatever the scanner answers; anything else ends the program. */

#ifndef TESTS_JUDGE_H
#define TESTS_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "rooms.h"

#define MAX_BODY 60000
#define MAX_ENTRIES 64

extern unsigned long checks, recognised;

/* Count a check; a wrong one ends the program. */
void require(int is_right, const char *what);

/* The rows of a bundle that may be anything, in rooms of these sizes; returns how many
   there are.  count: at most MAX_ENTRIES + 1. */
size_t judge_rows(const uint8_t *bundle, size_t size, size_t count, size_t rows_room,
                  size_t longs_room, enum place place);

/* A body that may be anything, of up to MAX_BODY bytes.  What is recognised is put
   together again from what came out, and must be the input.  Writes the bundle, which
   has room for MAX_BODY bytes, and its size; returns how many entries there are. */
size_t judge_body(const uint8_t *body, size_t size, uint8_t *bundle, size_t *bundle_size,
                  enum place place);

#endif
