#include "second.h"

#if __has_include("shokyo.hpp")
#include "shokyo.hpp"
#endif

extern "C" uint32_t second_header()
{
    return SHOKYO_ABI_VERSION;
}

extern "C" shokyo_status second_opens(shokyo_vault **vault)
{
    shokyo_vault_options options{};
    options.struct_size = sizeof options;
    options.best_effort = 1;
    return shokyo_vault_open(&options, vault);
}
