/* A machine that fails where it is told to: put in front of the C library's calls.

   TLOG_TEST_FAULTS names a file of rules, one a line, read anew at each call:

       <call> <error number> <a part of the path>

   call: open, read, write, sync or rename.  A call on a path that has the part in it
   fails with that number, and nothing is done.  Without the file, or without a rule
   that fits, the call is the C library's own.

   TLOG_TEST_CLOCK_S is what the clock says, in seconds since 1970, and does not move. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int fault(const char *call, const char *path) {
    const char *rules = getenv("TLOG_TEST_FAULTS");
    char text[4096], *rest = NULL;
    if (rules == NULL || path == NULL)
        return 0;
    /* Raw calls: those of the C library are the ones that are replaced below. */
    long file = syscall(SYS_openat, AT_FDCWD, rules, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return 0;
    long length = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    text[length > 0 ? length : 0] = 0;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char named[16], part[1024];
        int number;
        if (sscanf(line, "%15s %d %1023s", named, &number, part) == 3 &&
            strcmp(named, call) == 0 && strstr(path, part) != NULL)
            return number;
    }
    return 0;
}

static int fault_of(const char *call, int descriptor) {
    char link[64], path[4096];
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (length < 0)
        return 0;
    path[length] = 0;
    return fault(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define FAIL_IF(number)                                                        \
    do {                                                                       \
        int found = (number);                                                  \
        if (found) {                                                           \
            errno = found;                                                     \
            return -1;                                                         \
        }                                                                      \
    } while (0)

#define MODE(flags, mode)                                                      \
    unsigned mode = 0;                                                         \
    if (flags & (O_CREAT | O_TMPFILE)) {                                       \
        va_list more;                                                          \
        va_start(more, flags);                                                 \
        mode = va_arg(more, unsigned);                                         \
        va_end(more);                                                          \
    }

int open(const char *path, int flags, ...) {
    MODE(flags, mode)
    FAIL_IF(fault("open", path));
    return REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE(flags, mode)
    FAIL_IF(fault("open", path));
    return REAL(open64)(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...) {
    MODE(flags, mode)
    FAIL_IF(fault("open", path));
    return REAL(openat)(folder, path, flags, mode);
}

FILE *fopen(const char *path, const char *how) {
    int number = fault("open", path);
    if (number) {
        errno = number;
        return NULL;
    }
    return REAL(fopen)(path, how);
}

FILE *fopen64(const char *path, const char *how) {
    int number = fault("open", path);
    if (number) {
        errno = number;
        return NULL;
    }
    return REAL(fopen64)(path, how);
}

ssize_t read(int file, void *to, size_t length) {
    FAIL_IF(fault_of("read", file));
    return REAL(read)(file, to, length);
}

ssize_t pread64(int file, void *to, size_t length, off64_t at) {
    FAIL_IF(fault_of("read", file));
    return REAL(pread64)(file, to, length, at);
}

ssize_t pread(int file, void *to, size_t length, off_t at) {
    FAIL_IF(fault_of("read", file));
    return REAL(pread)(file, to, length, at);
}

ssize_t write(int file, const void *from, size_t length) {
    FAIL_IF(fault_of("write", file));
    return REAL(write)(file, from, length);
}

ssize_t pwrite64(int file, const void *from, size_t length, off64_t at) {
    FAIL_IF(fault_of("write", file));
    return REAL(pwrite64)(file, from, length, at);
}

ssize_t pwrite(int file, const void *from, size_t length, off_t at) {
    FAIL_IF(fault_of("write", file));
    return REAL(pwrite)(file, from, length, at);
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    FAIL_IF(fault_of("write", file));
    return REAL(writev)(file, parts, count);
}

int fsync(int file) {
    FAIL_IF(fault_of("sync", file));
    return REAL(fsync)(file);
}

int fdatasync(int file) {
    FAIL_IF(fault_of("sync", file));
    return REAL(fdatasync)(file);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    const char *told = getenv("TLOG_TEST_CLOCK_S");
    if (which == CLOCK_REALTIME && told != NULL) {
        now->tv_sec = strtoll(told, NULL, 10);
        now->tv_nsec = 0;
        return 0;
    }
    return REAL(clock_gettime)(which, now);
}

int rename(const char *from, const char *to) {
    FAIL_IF(fault("rename", to));
    return REAL(rename)(from, to);
}
