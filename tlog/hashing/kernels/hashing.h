/* The batched tree-hashing core: what Python calls, through cffi.

   Buffers in, buffers out.  Sizes are the caller's word: tlog/hashing/native.py
   derives each of them from the buffer that it passes.  In- and outputs do not
   overlap.  No function keeps a pointer, allocates memory that it does not free, or
   holds state but for the table that tlog_backend() fills at its first call.

   Source: RFC 6962, 2.1; C2SP tlog-tiles. */

#ifndef TLOG_HASHING_H
#define TLOG_HASHING_H

#include <stddef.h>
#include <stdint.h>

struct tlog_backend;

/* The kernel of that name, with the one that takes what is too little for it.
   NULL: no such name, or the processor lacks it.  The first call is not for two
   threads at once. */
const struct tlog_backend *tlog_backend(const char *name);

/* n nodes of 64 bytes -> n hashes. */
void tlog_hash_pairs(const struct tlog_backend *backend, const uint8_t *nodes,
                     size_t count, unsigned threads, uint8_t *hashes);

/* One message -> its hash.  prefix: as below. */
void tlog_hash_message(const struct tlog_backend *backend, const uint8_t *bytes,
                       size_t size, int prefix, uint8_t *hash);

/* n messages, one behind the other -> n hashes.  prefix: a byte that is hashed ahead
   of each, or -1 for none.  Returns whether the sizes add up to `joined_size`; if not,
   nothing is read. */
int tlog_hash_messages(const struct tlog_backend *backend, const uint8_t *joined,
                       size_t joined_size, const uint64_t *sizes, size_t count,
                       int prefix, unsigned threads, uint8_t *hashes);

/* A bundle of `width` entries -> their leaf hashes.  Returns whether `bundle` holds
   exactly these; if not, `hashes` holds nothing of use. */
int tlog_hash_bundle(const struct tlog_backend *backend, const uint8_t *bundle,
                     size_t size, size_t width, uint8_t *hashes);

/* n x 256 hashes -> n roots. */
void tlog_subtree_roots(const struct tlog_backend *backend, const uint8_t *hashes,
                        size_t tiles, unsigned threads, uint8_t *roots);

/* 1 to 256 hashes -> their root; a node without a sibling goes up as it is. */
void tlog_small_root(const struct tlog_backend *backend, const uint8_t *hashes,
                     size_t count, uint8_t *root);

/* One growth of a tree, from `start` leaves to `size`: start < size.
   nodes: the leaf hashes from the even index start & ~1 on.
   peaks: roots of the complete subtrees of the old tree, smallest first, but for the
   one that is nodes[0] where start is odd.
   above: every level above the leaves, bottom up, the root last.  The level of height
   h begins at the even index (start >> h) & ~1; a node without a sibling goes up as
   it is.  So it has 1 + sum of ceil(size / 2**h) - ((start >> h) & ~1) hashes, over
   the heights h >= 1 where ceil(size / 2**h) > 1; none if size is 1. */
void tlog_growth_levels(const struct tlog_backend *backend, uint64_t start,
                        uint64_t size, const uint8_t *peaks, const uint8_t *nodes,
                        unsigned threads, uint8_t *above);

/* The complete nodes above 1 to 256 hashes, bottom up: count / 2, count / 4, ... */
void tlog_tile_levels(const struct tlog_backend *backend, const uint8_t *hashes,
                      size_t count, uint8_t *above);

#endif
