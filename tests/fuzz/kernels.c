/* Every backend of this machine, told sizes and bundles by the input; what comes out is
   compared with the textbook.

   The first byte says what is called, the second where the buffers lie, and from the
   third on stand the numbers, or a bundle.  Numbers are bounded where the textbook, which is
   slow, would take most of the time. */

#include "check.h"

#define MOST 200
#define MAX_BYTES 8000

struct input {
    const uint8_t *at;
    size_t left;
};

/* The next `bytes` bytes as a number; what is missing is 0. */
static uint64_t number(struct input *input, size_t bytes)
{
    uint64_t found = 0;
    for (; bytes > 0; bytes--) {
        found <<= 8;
        if (input->left > 0) {
            found |= *input->at++;
            input->left--;
        }
    }
    return found;
}

static void fuzz_messages(struct input *input, enum place place)
{
    uint64_t sizes[MOST];
    const int prefix = (int)number(input, 1) % 3 - 1;
    const unsigned threads = 1 + number(input, 1) % 3;
    size_t count = 0;
    for (uint64_t joined = 0; count < MOST && input->left > 0; count++) {
        sizes[count] = number(input, 2);
        joined += sizes[count];
        if (joined > MAX_BYTES)
            break;
    }
    check_messages(sizes, count, prefix, threads, place);
}

/* Sizes of which some, or their sum, may be enormous. */
static void fuzz_sums(struct input *input, enum place place)
{
    uint64_t sizes[MOST], sum = 0;
    const uint64_t joined = number(input, 2) % MAX_BYTES;
    size_t count = 0;
    int is_right = 1;
    for (; count < MOST && input->left > 0; count++) {
        sizes[count] = number(input, 8);
        is_right = is_right && sizes[count] <= joined - sum;
        sum += is_right ? sizes[count] : 0;
    }
    is_right = is_right && sum == joined;
    for EACH(it) {
        struct room bytes = room_of(pool, joined, place);
        struct room hashes = room_for(HASH * count, place);
        require(it,
                tlog_hash_messages(it->backend, bytes.at, joined, sizes, count, 0, 1,
                                   hashes.at) == is_right,
                "a sum", joined, count);
        require(it, is_right || is_untouched(&hashes), "a refused batch", joined, count);
        leave_room(&bytes);
        leave_room(&hashes);
    }
}

/* Read by its text: every entry behind its length, and nothing besides. */
static int read_bundle(const uint8_t *bundle, size_t size, size_t width, uint8_t *hashes)
{
    size_t at = 0;
    for (size_t i = 0; i < width; i++) {
        if (at + 2 > size)
            return 0;
        const size_t length = (size_t)(bundle[at] * 256 + bundle[at + 1]);
        at += 2;
        if (at + length > size)
            return 0;
        textbook_sha256(0x00, bundle + at, length, hashes + HASH * i);
        at += length;
    }
    return at == size;
}

static void fuzz_bundle(struct input *input, enum place place)
{
    uint8_t expected[HASH * 512];
    const size_t width = number(input, 2) % 512;
    const int is_right = read_bundle(input->at, input->left, width, expected);
    for EACH(it) {
        struct room bundle = room_of(input->at, input->left, place);
        struct room found = room_for(HASH * width, place);
        require(it,
                tlog_hash_bundle(it->backend, bundle.at, input->left, width, found.at) ==
                    is_right,
                "the verdict of hash_bundle", width, input->left);
        leave_room(&bundle);
        if (is_right)
            expect(it, expected, &found, "hash_bundle", width, input->left);
        else
            leave_room(&found);
    }
}

static void fuzz_growth(struct input *input, enum place place)
{
    const size_t leaves = 1 + number(input, 2) % 150;
    const unsigned threads = 1 + number(input, 1) % 3;
    const uint64_t start = number(input, 8) >> 1;
    if (start < ((uint64_t)1 << 63) - 1 - leaves)
        check_growth(start, leaves, threads, place);
}

int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    (void)count;
    (void)arguments;
    add_backends();
    prepare_textbook();
    fill_pool();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input = {bytes, size};
    const uint64_t call = number(&input, 1) % 8;
    const enum place place = (enum place)(number(&input, 1) % PLACES);
    if (call == 0)
        fuzz_messages(&input, place);
    else if (call == 1)
        fuzz_sums(&input, place);
    else if (call == 2)
        fuzz_bundle(&input, place);
    else if (call == 3)
        fuzz_growth(&input, place);
    else if (call == 4)
        check_pairs(number(&input, 2) % 300, 1 + number(&input, 1) % 3, place);
    else if (call == 5)
        check_subtree_roots(number(&input, 1) % 40, 1 + number(&input, 1) % 3, place);
    else if (call == 6)
        check_small_root(1 + number(&input, 1), place);
    else
        check_tile_levels(1 + number(&input, 1), place);
    return 0;
}
