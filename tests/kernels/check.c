/* Calls every function of hashing.h, on every backend of this machine, with buffers of
   exactly the right size, and compares what comes out with the textbook.

     check [--short] [--threads] [backend ...]

   --short: fewer cases, for valgrind.  --threads: only batches for several threads.
   Exits with 1 at the first difference. */

#include "check.h"

#include <stdio.h>

static void check_all(void)
{
    check_all_pairs();
    check_single_messages();
    check_batches();
    check_sums();
    check_bundles();
    check_small_trees();
    check_growths();
}

int main(int count, char **arguments)
{
    int has_threads_alone = 0;
    for (int i = 1; i < count; i++)
        if (strcmp(arguments[i], "--short") == 0)
            is_short = 1;
        else if (strcmp(arguments[i], "--threads") == 0)
            has_threads_alone = 1;
        else
            add_backend(arguments[i], 1);
    if (tested_count == 0)
        add_backends();
    if (tlog_backend("sha256") || tlog_backend(""))
        return puts("a backend that is none"), 1;

    prepare_textbook();
    fill_pool();
    if (!has_threads_alone)
        check_all();
    if (has_threads_alone || !is_short)
        check_threads();
    for EACH(it)
        printf("%-8s %lu checks\n", it->name, it->checks);
    return 0;
}
