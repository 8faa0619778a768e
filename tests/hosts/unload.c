/* A host that unloads the library: its code and memory stay, because locked pages, handles and exit functions live on. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shokyo.h"

#define FAIL(text)                                                    \
    do {                                                              \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, text);     \
        _exit(1);                                                     \
    } while (0)

static shokyo_status (*vault_open)(const shokyo_vault_options *, shokyo_vault **);
static shokyo_status (*vault_erase_all)(shokyo_vault *, shokyo_erase_all_outcome *);
static shokyo_status (*writer_new)(const shokyo_vault *, const shokyo_binding *, shokyo_writer **);
static shokyo_status (*writer_write)(shokyo_writer *, const void *, size_t);
static shokyo_status (*erase_on_exit)(void);

/* POSIX has pointers to functions fit into pointers to data; ISO C has no cast for it. */
static void find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);
    if (found == NULL) FAIL(name);
    memcpy(function, &found, sizeof found);
}

int main(void)
{
    void *library = dlopen("libshokyo.so", RTLD_NOW | RTLD_LOCAL);
    shokyo_vault *vault = NULL;
    shokyo_writer *writer = NULL;
    shokyo_binding binding;
    shokyo_erase_all_outcome outcome;
    if (library == NULL) {
        /* The program that is linked statically has no library to unload. */
        printf("libshokyo.so is not on LD_LIBRARY_PATH: nothing to unload\n");
        return 0;
    }
    find(library, "shokyo_vault_open", &vault_open);
    find(library, "shokyo_vault_erase_all", &vault_erase_all);
    find(library, "shokyo_writer_new", &writer_new);
    find(library, "shokyo_writer_write", &writer_write);
    find(library, "shokyo_erase_on_exit", &erase_on_exit);
    memset(&binding, 1, sizeof binding);
    binding.struct_size = sizeof binding;
    if (vault_open(NULL, &vault) || writer_new(vault, &binding, &writer) || writer_write(writer, "text", 4)) FAIL("seal");
    if (erase_on_exit()) FAIL("erase_on_exit");
    dlclose(library);
    memset(&outcome, 0, sizeof outcome);
    outcome.struct_size = sizeof outcome;
    if (writer_write(writer, "more", 4)) FAIL("write after dlclose");
    if (vault_erase_all(vault, &outcome) || outcome.destroyed == 0 || outcome.failed) FAIL("erase after dlclose");
    if (dlopen("libshokyo.so", RTLD_NOW | RTLD_NOLOAD) == NULL) FAIL("the library was unloaded");
    printf("unloaded: nothing was lost\n");
    return 0;
}
