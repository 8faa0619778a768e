/* The shortest use of shokyo that checks everything: seal, look, erase, ask whether it is gone. */
#include "shokyo.h"
#include <stdio.h>

static int32_t show(void *output, uint64_t offset, const uint8_t *plain, size_t length)
{
    (void)offset;
    return fwrite(plain, 1, length, output) == length ? 0 : -1;
}

int main(void)
{
    shokyo_vault *vault = NULL;
    shokyo_writer *writer = NULL;
    shokyo_buffer *document = NULL;
    shokyo_erasure *erasure = NULL;
    bool verified = false;
    shokyo_binding binding = {.struct_size = sizeof binding, .session = {1}, .context = {2}};

    /* The ten lines: 0 is success, so the first failure ends the chain. */
    shokyo_status status = shokyo_vault_open(NULL, &vault);
    if (!status) status = shokyo_writer_new(vault, &binding, &writer);
    if (!status) status = shokyo_writer_write(writer, "for minutes only\n", 17);
    if (!status) status = shokyo_writer_finish(writer, &document);
    if (!status) status = shokyo_buffer_for_each_window(document, show, stdout);
    if (!status) status = shokyo_buffer_erase(document, &erasure);
    if (!status) status = shokyo_erasure_verified(erasure, &verified);
    if (status || !verified) fprintf(stderr, "shokyo: %s\n", shokyo_status_text(status));

    /* What was consumed on the way is refused and what is NULL does nothing, so this is right however far it went. */
    shokyo_erasure_free(erasure);
    shokyo_buffer_free(document);
    shokyo_writer_free(writer);
    shokyo_vault_free(vault);
    return status || !verified;
}
