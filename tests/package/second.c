#include "second.h"

uint32_t second_header(void)
{
    return SHOKYO_ABI_VERSION;
}

shokyo_status second_opens(shokyo_vault **vault)
{
    shokyo_vault_options options = {0};
    options.struct_size = sizeof options;
    options.best_effort = 1;
    return shokyo_vault_open(&options, vault);
}
