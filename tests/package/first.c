/* A program in C with two units of translation, and with functions of its own whose names are taken inside the library. */
#include "second.h"

#include <stdio.h>

/* The library's SQLite has functions of these names: a program's own do not clash with them. */
int sqlite3_initialize(void);
int sqlite3_libversion_number(void);

int sqlite3_initialize(void)
{
    return 1;
}

int sqlite3_libversion_number(void)
{
    return 0;
}

int main(void)
{
    shokyo_vault *vault = NULL;
    shokyo_status status = second_opens(&vault);
    if (status != SHOKYO_STATUS_OK) {
        fprintf(stderr, "the vault does not open: %s\n", shokyo_status_text(status));
        return 1;
    }
    if (shokyo_vault_free(vault) != SHOKYO_STATUS_OK || shokyo_vault_free(vault) != SHOKYO_STATUS_INVALID_HANDLE) {
        fprintf(stderr, "a vault is to be freed once\n");
        return 1;
    }
    if (sqlite3_initialize() != 1 || sqlite3_libversion_number() != 0) {
        fprintf(stderr, "the program's own functions are others\n");
        return 1;
    }
    if (shokyo_abi_version() != SHOKYO_ABI_VERSION || second_header() != SHOKYO_ABI_VERSION) {
        fprintf(stderr, "library and headers do not fit\n");
        return 1;
    }
    return 0;
}
