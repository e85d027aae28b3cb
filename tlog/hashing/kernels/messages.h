/* Whole messages on the lanes of a kernel. */

#ifndef TLOG_MESSAGES_H
#define TLOG_MESSAGES_H

#include "kernel.h"

struct message {
    const uint8_t *bytes;
    size_t size;
};

/* Kernels from the widest to the narrowest.  Up to `few` messages or nodes are left to
   the next one, which is faster at so little; the last has few == 0. */
struct tlog_backend {
    const char *name;
    struct stage {
        const struct tlog_kernel *kernel;
        size_t few;
    } stages[3];
};

/* n messages -> n hashes; prefix: a byte ahead of each, or -1 for none. */
void hash_messages(const struct tlog_backend *backend, const struct message *messages,
                   size_t count, int prefix, uint8_t *hashes);

#endif
