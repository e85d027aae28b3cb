/* One way to compress SHA-256 blocks, several messages at a time.

   A kernel is a file of its own for one instruction set.  It knows nothing of
   trees, threads or Python: only blocks of 64 bytes, and nodes of two hashes.

   Source: FIPS 180-4, 6.2; RFC 6962, 2.1 (a node is 0x01 || left || right). */

#ifndef TLOG_KERNEL_H
#define TLOG_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HASH_BYTES 32
#define PAIR_BYTES 64
#define BLOCK_BYTES 64
#define MAX_LANES 32

struct tlog_kernel {
    /* Whether this processor and this operating system can run it. */
    int (*is_supported)(void);
    /* How many messages compress() advances at once, each by one block. */
    size_t lanes;
    /* Word j of lane i is state[place[j] + i * stride]; 8 * lanes words. */
    size_t stride;
    uint8_t place[8];
    /* state: 64-byte aligned.  blocks: one for each lane, of any alignment. */
    void (*compress)(uint32_t *state, const uint8_t *const *blocks);
    /* Hash `count` nodes: count * 64 bytes in, count * 32 bytes out, which may
       not overlap.  count: any if lanes <= 2, else a multiple of lanes. */
    void (*pairs)(const uint8_t *nodes, size_t count, uint8_t *hashes);
};

extern const struct tlog_kernel tlog_avx512x2, tlog_avx512, tlog_avx2, tlog_shani,
    tlog_armv8, tlog_portable;

/* The round constants and the initial state. */
extern const uint32_t tlog_k[64], tlog_h0[8];

/* The second block of a node holds its last byte, 0x80, zeros, and 520, the
   number of bits: only 256 such blocks exist.  tlog_second_kw[byte] is the whole
   message schedule of one, round constants added.  Filled by the first call of
   tlog_backend(). */
extern uint32_t tlog_second_kw[256][64];
void tlog_fill_second_kw(void);

static inline uint32_t load_be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline void store_be32(uint8_t *bytes, uint32_t word)
{
    bytes[0] = (uint8_t)(word >> 24);
    bytes[1] = (uint8_t)(word >> 16);
    bytes[2] = (uint8_t)(word >> 8);
    bytes[3] = (uint8_t)word;
}

/* The first block of a node, where a kernel cannot load it from one byte ahead:
   in front of the first node of a buffer lies nothing that may be read. */
static inline void copy_first_block(uint8_t block[BLOCK_BYTES], const uint8_t *node)
{
    block[0] = 0x01;
    memcpy(block + 1, node, BLOCK_BYTES - 1);
}

#endif
