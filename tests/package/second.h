/* What one unit of translation tells the other. */
#ifndef SECOND_H
#define SECOND_H

#include "shokyo.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the interface that the other unit was compiled with. */
uint32_t second_header(void);

/* Opens a vault and gives what came of it. */
shokyo_status second_opens(shokyo_vault **vault);

#ifdef __cplusplus
}
#endif

#endif
