// A program in C++ with two units of translation, whose exceptions work beside the library's unwinding.
#include "second.h"

#if __has_include("shokyo.hpp")
#include "shokyo.hpp"
#endif

#include <cstdio>
#include <stdexcept>

static void check(shokyo_status status, shokyo_status wanted)
{
    if (status != wanted) {
        throw std::runtime_error(shokyo_status_text(status));
    }
}

int main()
{
    try {
        shokyo_vault *vault = nullptr;
        check(second_opens(&vault), SHOKYO_STATUS_OK);
        check(shokyo_vault_free(vault), SHOKYO_STATUS_OK);
        if (shokyo_abi_version() != second_header()) {
            throw std::runtime_error("library and headers do not fit");
        }
        bool caught = false;
        try {
            check(shokyo_vault_free(vault), SHOKYO_STATUS_OK);
        } catch (const std::runtime_error &) {
            caught = true;
        }
        return caught ? 0 : 1;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
