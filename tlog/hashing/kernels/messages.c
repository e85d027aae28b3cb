/* Whole messages on the lanes of a kernel.

   A lane takes a message, moves through its blocks, gives its hash and takes the next,
   so that lengths may differ and lanes stay full.  When the messages run out and few
   lanes are busy, a narrower kernel finishes what they have begun.

   Source: FIPS 180-4, 5.1.1 (padding). */

#include "messages.h"

/* A message on its way: how many of its blocks are in the state. */
struct begun {
    size_t index, done;
    uint32_t state[8];
};

/* What is still to be hashed: messages already begun, then fresh ones. */
struct work {
    const struct message *messages;
    size_t fresh, count;
    struct begun begun[MAX_LANES];
    size_t begun_count;
    int prefix;
    uint8_t *hashes;
};

struct lane {
    size_t index, done, blocks;
    /* The next `whole` blocks lie in the message itself, from `at` on. */
    const uint8_t *at;
    size_t whole;
    uint8_t written[BLOCK_BYTES];
};

static inline void store_be64(uint8_t *bytes, uint64_t word)
{
    store_be32(bytes, (uint32_t)(word >> 32));
    store_be32(bytes + 4, (uint32_t)word);
}

/* Write block `nth` of prefix || message || padding where it is not whole in the
   message itself: the first one, or one of the last two. */
static void write_block(uint8_t block[BLOCK_BYTES], const struct message *message,
                        int prefix, size_t nth)
{
    const size_t ahead = prefix >= 0;
    const size_t total = ahead + message->size;
    const size_t start = BLOCK_BYTES * nth;
    if (nth == 0 && ahead && message->size >= BLOCK_BYTES - 1) {
        block[0] = (uint8_t)prefix;
        memcpy(block + 1, message->bytes, BLOCK_BYTES - 1);
        return;
    }
    memset(block, 0, BLOCK_BYTES);
    if (start < total) {
        size_t filled = 0;
        if (nth == 0 && ahead)
            block[filled++] = (uint8_t)prefix;
        const size_t from = start + filled - ahead;
        const size_t left = message->size - from, room = BLOCK_BYTES - filled;
        memcpy(block + filled, message->bytes + from, left < room ? left : room);
    }
    if (start <= total && total - start < BLOCK_BYTES)
        block[total - start] = 0x80;
    if (total + 9 <= start + BLOCK_BYTES)
        store_be64(block + BLOCK_BYTES - 8, 8 * (uint64_t)total);
}

static inline void enter_message(struct lane *lane, const struct work *work,
                                 size_t index, size_t done)
{
    const struct message *message = &work->messages[index];
    const size_t ahead = work->prefix >= 0;
    const size_t total = ahead + message->size;
    const size_t first = done ? done : 1;
    lane->index = index;
    lane->done = done;
    lane->blocks = (total + 9 + BLOCK_BYTES - 1) / BLOCK_BYTES;
    lane->whole = 0;
    if (total / BLOCK_BYTES > first) {
        lane->whole = total / BLOCK_BYTES - first;
        lane->at = message->bytes + (BLOCK_BYTES * first - ahead);
    }
}

static inline const uint8_t *next_block(struct lane *lane, const struct work *work)
{
    const size_t nth = lane->done++;
    if (nth > 0 && lane->whole > 0) {
        const uint8_t *block = lane->at;
        lane->at += BLOCK_BYTES;
        lane->whole--;
        return block;
    }
    write_block(lane->written, &work->messages[lane->index], work->prefix, nth);
    return lane->written;
}

/* Let lane `i` take the next message; returns whether there was one. */
static int take(const struct tlog_kernel *kernel, struct work *work, struct lane *lane,
                uint32_t *state, size_t i)
{
    const uint32_t *from = tlog_h0;
    if (work->begun_count > 0) {
        const struct begun *begun = &work->begun[--work->begun_count];
        enter_message(lane, work, begun->index, begun->done);
        from = begun->state;
    } else if (work->fresh < work->count) {
        enter_message(lane, work, work->fresh++, 0);
    } else {
        return 0;
    }
    for (int j = 0; j < 8; j++)
        state[kernel->place[j] + i * kernel->stride] = from[j];
    return 1;
}

/* Hash on the kernel's lanes until no more than `leave` of them are busy: what these
   have begun goes back to `work`. */
static void run(const struct tlog_kernel *kernel, struct work *work, size_t leave)
{
    _Alignas(64) uint32_t state[8 * MAX_LANES];
    const uint8_t *blocks[MAX_LANES];
    struct lane lanes[MAX_LANES];
    int is_busy[MAX_LANES];
    size_t busy = 0;

    memset(state, 0, sizeof state);
    for (size_t i = 0; i < kernel->lanes; i++) {
        is_busy[i] = take(kernel, work, &lanes[i], state, i);
        busy += (size_t)is_busy[i];
        /* What an idle lane hashes is of no interest, but must be there. */
        if (!is_busy[i]) {
            memset(lanes[i].written, 0, BLOCK_BYTES);
            blocks[i] = lanes[i].written;
        }
    }
    while (busy > leave) {
        for (size_t i = 0; i < kernel->lanes; i++)
            if (is_busy[i])
                blocks[i] = next_block(&lanes[i], work);
        kernel->compress(state, blocks);
        for (size_t i = 0; i < kernel->lanes; i++) {
            if (!is_busy[i] || lanes[i].done < lanes[i].blocks)
                continue;
            uint8_t *hash = work->hashes + HASH_BYTES * lanes[i].index;
            for (int j = 0; j < 8; j++)
                store_be32(hash + 4 * j, state[kernel->place[j] + i * kernel->stride]);
            is_busy[i] = take(kernel, work, &lanes[i], state, i);
            if (!is_busy[i]) {
                busy--;
                blocks[i] = lanes[i].written;
            }
        }
    }
    for (size_t i = 0; i < kernel->lanes; i++) {
        if (!is_busy[i])
            continue;
        struct begun *begun = &work->begun[work->begun_count++];
        begun->index = lanes[i].index;
        begun->done = lanes[i].done;
        for (int j = 0; j < 8; j++)
            begun->state[j] = state[kernel->place[j] + i * kernel->stride];
    }
}

void hash_messages(const struct tlog_backend *backend, const struct message *messages,
                   size_t count, int prefix, uint8_t *hashes)
{
    struct work work = {.messages = messages,
                        .count = count,
                        .prefix = prefix,
                        .hashes = hashes};
    for (const struct stage *stage = backend->stages; ; stage++) {
        if (work.begun_count + work.count - work.fresh > stage->few)
            run(stage->kernel, &work, stage->few);
        if (stage->few == 0)
            return;
    }
}
