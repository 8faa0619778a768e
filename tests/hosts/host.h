/* What the programs of this folder share: a check that says what failed, and a scenario in a process of its own. */
#ifndef HOST_H
#define HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shokyo.h"

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            char detail[256] = "";                                                \
            shokyo_detail(detail, sizeof detail);                                 \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #condition, detail); \
            _exit(1);                                                             \
        }                                                                         \
    } while (0)

/* Runs a scenario in a child that has opened nothing yet; 0 if it ended with the status. */
static int scenario(const char *name, void (*run)(void), int status)
{
    int ended = 0;
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        struct rlimit none;
        none.rlim_cur = none.rlim_max = 0;
        setrlimit(RLIMIT_CORE, &none);
        alarm(20);
        run();
        _exit(99);
    }
    if (waitpid(child, &ended, 0) != child || !WIFEXITED(ended) || WEXITSTATUS(ended) != status) {
        fprintf(stderr, "%s: wait status %d, expected exit %d\n", name, ended, status);
        return 1;
    }
    printf("%s: as promised\n", name);
    return 0;
}

static shokyo_vault *open_vault(void)
{
    shokyo_vault *vault = NULL;
    shokyo_vault_options options;
    memset(&options, 0, sizeof options);
    options.struct_size = sizeof options;
    options.windows = 1;
    options.patience = 200;
    CHECK(shokyo_vault_open(&options, &vault) == SHOKYO_STATUS_OK);
    return vault;
}

static shokyo_buffer *sealed(shokyo_vault *vault, int fill, size_t length)
{
    static unsigned char plain[16384];
    shokyo_writer *writer = NULL;
    shokyo_buffer *buffer = NULL;
    shokyo_binding binding;
    memset(&binding, 1, sizeof binding);
    binding.struct_size = sizeof binding;
    memset(plain, fill, sizeof plain);
    CHECK(shokyo_writer_new(vault, &binding, &writer) == SHOKYO_STATUS_OK);
    CHECK(shokyo_writer_write(writer, plain, length) == SHOKYO_STATUS_OK);
    CHECK(shokyo_writer_finish(writer, &buffer) == SHOKYO_STATUS_OK);
    return buffer;
}

/* Whether a window that was lent before is all zeros; it stays mapped while its vault lives. */
static int is_wiped(const volatile unsigned char *window, size_t length)
{
    size_t at;
    for (at = 0; at < length; at++)
        if (window[at] != 0) return 0;
    return 1;
}

#endif
