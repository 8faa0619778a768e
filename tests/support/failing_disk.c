// Preloaded into a process that keeps a store: what it writes to files of that store fails as the word in the file that FAILING_DISK
// names says, from the moment on when it is there: "read-only" (EROFS), "full" (ENOSPC), "torn" (half of a write, then EIO), "short"
// (half of every write, and no error), "unsynced" (EIO from flushing). "none", or no such file: nothing fails.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_of_store(int file) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) {
        return 0;
    }
    path[length] = 0;
    return strstr(path, ".sqlite") != NULL;
}

static int is(int file, const char *word) {
    const char *control = getenv("FAILING_DISK");
    char text[16] = "";
    int saved = errno, open_file = control && is_of_store(file) ? open(control, O_RDONLY | O_CLOEXEC) : -1;
    if (open_file >= 0) {
        ssize_t length = read(open_file, text, sizeof text - 1);
        text[length > 0 ? length : 0] = 0;
        close(open_file);
    }
    errno = saved;
    return strcmp(text, word) == 0;
}

static ssize_t failing(int file, size_t *length) {
    static __thread int torn;
    if (is(file, "read-only")) {
        errno = EROFS;
        return -1;
    }
    if (is(file, "full")) {
        errno = ENOSPC;
        return -1;
    }
    if (is(file, "torn") && (torn = !torn) == 0) {
        errno = EIO;
        return -1;
    }
    if (*length > 1 && (is(file, "torn") || is(file, "short"))) {
        *length /= 2;
    }
    return 0;
}

ssize_t pwrite64(int file, const void *data, size_t length, off64_t at) {
    return failing(file, &length) ? -1 : syscall(SYS_pwrite64, file, data, length, at);
}

ssize_t pwrite(int file, const void *data, size_t length, off_t at) {
    return pwrite64(file, data, length, at);
}

ssize_t write(int file, const void *data, size_t length) {
    return failing(file, &length) ? -1 : syscall(SYS_write, file, data, length);
}

static int flush(int file, long number) {
    if (is(file, "unsynced")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(number, file);
}

int fsync(int file) { return flush(file, SYS_fsync); }

int fdatasync(int file) { return flush(file, SYS_fdatasync); }
