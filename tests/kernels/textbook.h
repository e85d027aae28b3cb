/* SHA-256 and the Merkle tree as their texts have them, word for word and slowly.

   Shares no code and no table with the kernels.

   Source: FIPS 180-4; RFC 6962, 2.1. */

#ifndef TESTS_TEXTBOOK_H
#define TESTS_TEXTBOOK_H

#include <stddef.h>
#include <stdint.h>

#define HASH 32

/* Compute the constants; stops the program unless they give the examples of FIPS 180. */
void prepare_textbook(void);

/* prefix: a byte ahead of the message, or -1 for none. */
void textbook_sha256(int prefix, const uint8_t *bytes, size_t size, uint8_t *hash);

/* A tree whose first `start` leaves are known by their complete subtrees alone: the one
   of height h is peaks[32 * h].  leaves: the hashes of all the others. */
struct tree {
    uint64_t start;
    const uint8_t *peaks, *leaves;
};

/* MTH(D[from:to]).  from: a multiple of the power of two that is not below to - from. */
void tree_hash(const struct tree *tree, uint64_t from, uint64_t to, uint8_t *hash);

#endif
