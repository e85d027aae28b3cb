/* A recogniser of provenance records in canonical form: what Python calls, through cffi.

   It knows one spelling and declines every other: white space, escapes, another order,
   another member, a bound exceeded, one odd byte.  Whoever is declined asks the parser
   in Python, which decides.  What is recognised, that parser takes too, and gives the
   same bytes.

   Buffers in, buffers out.  Sizes of buffers are the caller's word:
   tlog/entries/native.py derives each from the buffer that it passes.  All that stands
   in the buffers may come from a stranger.  In- and outputs do not overlap.  No function
   keeps a pointer or holds state.

   Source: docs/http.md, "The provenance record"; client/tlogverify/record.py. */

#ifndef TLOG_SCANNER_H
#define TLOG_SCANNER_H

#include <stddef.h>
#include <stdint.h>

/* {"entries":[record,...]} -> the size of each record.
   Returns how many there are, up to `room`; 0 if the body is declined. */
size_t tlog_scan_body(const uint8_t *body, size_t size, uint16_t *sizes, size_t room);

/* A body that was recognised, and what that gave -> the same entries as a bundle, each
   behind its size in two bytes.  Returns whether they fill the bundle, which has
   `bundle_size` bytes; if not, it holds nothing of use. */
int tlog_pack_body(const uint8_t *body, size_t size, const uint16_t *sizes,
                   size_t count, uint8_t *bundle, size_t bundle_size);

/* A bundle of `count` entries and their leaf hashes -> the rows of the search index, in
   the order of the bundle: key || index, 33 and 6 bytes.  start: the first entry's
   index, below 2**48 - count.
   A key of a SHA-384 or SHA-512 is the SHA-256 of that digest, which is not known here:
   such a row has only its key's first byte, the length of the digest, and stands in
   `unfinished`: the row's number and where in the bundle its hexadecimal digits begin.
   Returns how many rows there are, up to `room`; 0 if one of the entries is declined.
   unfinished_count: how many numbers stand in `unfinished`, up to `unfinished_room`. */
size_t tlog_scan_rows(const uint8_t *bundle, size_t size, size_t count,
                      const uint8_t *leaf_hashes, uint64_t start, uint8_t *rows,
                      size_t room, uint64_t *unfinished, size_t unfinished_room,
                      size_t *unfinished_count);

/* `count` rows -> the same in ascending order, equal ones once.
   Returns how many there are; 0 if there is no memory. */
size_t tlog_sort_rows(const uint8_t *rows, size_t count, uint8_t *sorted);

#endif
