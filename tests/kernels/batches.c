/* Batches of messages, and bundles: right ones and wrong ones. */

#include "check.h"

/* The messages lie in the pool from `content` on. */
struct batch {
    const uint8_t *content;
    size_t joined, count;
    uint64_t *sizes;
    uint8_t *hashes;
};

static struct batch batch_of(const uint64_t *sizes, size_t count, int prefix)
{
    struct batch batch = {.content = pool + random_word() % 1000, .count = count};
    batch.sizes = memory(sizeof *sizes * count + 1);
    batch.hashes = memory(HASH * count + 1);
    memcpy(batch.sizes, sizes, sizeof *sizes * count);
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] > POOL_BYTES - 1000 - batch.joined)
            abort();
        textbook_sha256(prefix, batch.content + batch.joined, sizes[i],
                        batch.hashes + HASH * i);
        batch.joined += sizes[i];
    }
    return batch;
}

static void close_batch(struct batch *batch)
{
    free(batch->sizes);
    free(batch->hashes);
}

void check_messages(const uint64_t *sizes, size_t count, int prefix, unsigned threads,
                    enum place place)
{
    struct batch batch = batch_of(sizes, count, prefix);
    for EACH(it) {
        struct room joined = room_of(batch.content, batch.joined, place);
        struct room lengths = room_of(batch.sizes, sizeof *sizes * count,
                                      place < BEHIND_FENCE ? BEHIND_0 : place);
        struct room hashes = room_for(HASH * count, place);
        const int is_right = tlog_hash_messages(
            it->backend, joined.at, batch.joined, (const uint64_t *)(void *)lengths.at,
            count, prefix, threads, hashes.at);
        require(it, is_right == 1, "the sum of hash_messages", count, batch.joined);
        expect(it, batch.hashes, &hashes, "hash_messages", count, batch.joined);
        if (count == 1) {
            hashes = room_for(HASH, place);
            tlog_hash_message(it->backend, joined.at, batch.joined, prefix, hashes.at);
            expect(it, batch.hashes, &hashes, "hash_message", batch.joined, 1);
        }
        leave_room(&lengths);
        leave_room(&joined);
    }
    close_batch(&batch);
}

/* Lengths of one batch: mixed; alike; one that outlasts all others; growing. */
static void fill_sizes(uint64_t *sizes, size_t count, int pattern)
{
    for (size_t i = 0; i < count; i++)
        sizes[i] = pattern == 0   ? random_word() % 301
                   : pattern == 1 ? count % 130
                   : pattern == 2 ? (i == count / 2 ? 3000 : random_word() % 200)
                                  : 9 * (i % 80);
}

void check_single_messages(void)
{
    static const uint64_t at_once[] = {65535, 0, 64, 65472, 63, 65471, 65, 65527,
                                       65528, 1, 4095, 4096, 4097, 119, 32768, 65534};
    for (int prefix = -1; prefix <= 1; prefix++) {
        for (uint64_t size = 0; size <= 300; size += is_short && size > 130 ? 19 : 1)
            for (int place = 0; place < PLACES; place += is_short ? 4 : 1)
                check_messages(&size, 1, prefix, 1, place);
        for (uint64_t border = 512; border < 65536; border *= 2)
            for (uint64_t size = border - 11; size <= border + 1; size++)
                if (!is_short || size == border || size + 9 == border)
                    check_messages(&size, 1, prefix, 1, next_place());
        for (uint64_t size = is_short ? 65533 : 65463; size <= 65535; size++)
            check_messages(&size, 1, prefix, 1, next_place());
        check_messages(at_once, COUNT_OF(at_once), prefix, 1, next_place());
    }
}

void check_batches(void)
{
    static const size_t larger[] = {300, 1100};
    uint64_t sizes[1100];
    for (int prefix = -1; prefix <= 1; prefix++) {
        for (size_t i = 0; i < 301; i++)
            sizes[i] = i * 97 % 301;
        check_messages(sizes, 301, prefix, 1, BEHIND_0);
        for (int pattern = 0; pattern < 4; pattern++) {
            for (size_t count = 0; count <= 70; count += is_short ? 7 : 1) {
                fill_sizes(sizes, count, pattern);
                check_messages(sizes, count, prefix, 1, next_place());
            }
            for (size_t i = 0; i < COUNT_OF(larger) && !is_short; i++) {
                fill_sizes(sizes, larger[i], pattern);
                check_messages(sizes, larger[i], prefix, 2, next_place());
            }
        }
    }
}

/* Sizes that do not add up to `joined` are refused before anything is touched. */
static void check_sum(uint64_t joined, const uint64_t *sizes, size_t count)
{
    for EACH(it)
        for (int place = 0; place < PLACES; place++) {
            struct room bytes = room_of(pool, joined, place);
            struct room hashes = room_for(HASH * count, place);
            const int is_right = tlog_hash_messages(it->backend, bytes.at, joined, sizes,
                                                    count, 0, 1, hashes.at);
            require(it, is_right == 0, "a wrong sum", joined, count);
            require(it, is_untouched(&hashes), "a refused batch", joined, count);
            leave_room(&bytes);
            leave_room(&hashes);
        }
}

void check_sums(void)
{
    static const struct {
        uint64_t joined, sizes[3];
        size_t count;
    } wrong[] = {
        {1, {0}, 0}, {1, {0}, 1}, {0, {1}, 1}, {70, {71}, 1}, {70, {69}, 1},
        {70, {UINT64_MAX}, 1}, {70, {70, 1}, 2}, {70, {35, 34}, 2},
        {70, {71, UINT64_MAX}, 2}, {70, {UINT64_MAX, 71}, 2}, {70, {0, 0, 0}, 3},
        {70, {70, 1, UINT64_MAX}, 3}, {70, {(uint64_t)1 << 63, (uint64_t)1 << 63, 70}, 3},
        {70, {(uint64_t)1 << 32, 70}, 2}, {70, {((uint64_t)1 << 32) + 70}, 1},
        {64, {UINT64_MAX - 63, 64, 64}, 3}, {0, {UINT64_MAX, 1}, 2},
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        check_sum(wrong[i].joined, wrong[i].sizes, wrong[i].count);
}

static void check_bundle(const uint8_t *bundle, size_t size, size_t width, int expected,
                         const uint8_t *hashes, enum place place)
{
    for EACH(it) {
        struct room entries = room_of(bundle, size, place);
        struct room found = room_for(HASH * width, place);
        const int is_right =
            tlog_hash_bundle(it->backend, entries.at, size, width, found.at);
        require(it, is_right == expected, "the verdict of hash_bundle", width, size);
        leave_room(&entries);
        if (expected)
            expect(it, hashes, &found, "hash_bundle", width, size);
        else
            leave_room(&found);
    }
}

/* Write a batch as a bundle; returns its size. */
static size_t bundle_of(const struct batch *batch, uint8_t *bundle)
{
    size_t size = 0, from = 0;
    for (size_t i = 0; i < batch->count; i++) {
        const size_t length = batch->sizes[i];
        bundle[size] = (uint8_t)(length >> 8);
        bundle[size + 1] = (uint8_t)length;
        memcpy(bundle + size + 2, batch->content + from, length);
        from += length;
        size += 2 + length;
    }
    return size;
}

/* Each of these differs from a right bundle in one thing. */
static void check_wrong_bundles(uint8_t *bundle, size_t size, const struct batch *batch)
{
    const size_t width = batch->count;
    const size_t step = size < 200 ? 1 : is_short ? 997 : 89;
    for (size_t less = 1; less <= size; less += step)
        check_bundle(bundle, size - less, width, 0, 0, next_place());
    for (int place = 0; place < PLACES; place++) {
        check_bundle(bundle, size - 1, width, 0, 0, place);
        check_bundle(bundle, size + 1, width, 0, 0, place);
        check_bundle(bundle, size, width + 1, 0, 0, place);
        check_bundle(bundle, size, width - 1, 0, 0, place);
    }
    for (size_t i = 0, at = 0; i < width; at += 2 + batch->sizes[i++]) {
        if (size >= 200 && i + 3 < width)
            continue;
        bundle[at + 1]++;
        check_bundle(bundle, size, width, 0, 0, next_place());
        bundle[at + 1]--;
        const uint8_t high = bundle[at];
        bundle[at] = 0xff;
        check_bundle(bundle, size, width, 0, 0, next_place());
        bundle[at] = high;
    }
}

void check_bundles(void)
{
    static const size_t widths[] = {0, 1, 2, 5, 255, 256, 257, 600};
    static const uint64_t few[] = {3, 0, 70, 1, 2}, extremes[] = {65535, 0, 65535};
    uint8_t *bundle = memory(POOL_BYTES);
    uint64_t sizes[600];
    struct batch batch = batch_of(extremes, 3, 0);
    check_bundle(bundle, bundle_of(&batch, bundle), 3, 1, batch.hashes, BEFORE_FENCE);
    close_batch(&batch);
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        if (widths[i] == 5)
            memcpy(sizes, few, sizeof few);
        else
            fill_sizes(sizes, widths[i], 0);
        batch = batch_of(sizes, widths[i], 0);
        const size_t size = bundle_of(&batch, bundle);
        bundle[size] = 0;
        for (int place = 0; place < PLACES; place++)
            check_bundle(bundle, size, widths[i], 1, batch.hashes, place);
        if (widths[i] == 5 || widths[i] == 257)
            check_wrong_bundles(bundle, size, &batch);
        close_batch(&batch);
    }
    check_bundle(bundle, 1, 0, 0, 0, BEFORE_FENCE);
    check_bundle(bundle, 0, 1, 0, 0, BEFORE_FENCE);
    free(bundle);
}
