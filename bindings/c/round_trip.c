/*
 * A document's whole life through the C interface: sealed in pieces, looked at through windows, erased with evidence. Then the mistakes
 * that a caller can make, each of which must answer a status.
 *
 * Exits with 0 only if everything is as the header says.
 */
#include "shokyo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 100000, PIECE = 777 };

static int failures;

/* Compares a call's status with the one that it must have. */
static void expect(const char *what, shokyo_status found, shokyo_status wanted)
{
    char detail[256] = "";
    if (found == wanted) {
        return;
    }
    shokyo_detail(detail, sizeof detail);
    fprintf(stderr, "%s: status %d instead of %d: %s (%s)\n", what, (int)found, (int)wanted, shokyo_status_text(found), detail);
    failures++;
}

static void require(const char *what, bool holds)
{
    if (!holds) {
        fprintf(stderr, "%s: does not hold\n", what);
        failures++;
    }
}

/* Without these, nothing that follows makes sense. */
static void must(const char *what, shokyo_status found)
{
    expect(what, found, SHOKYO_STATUS_OK);
    if (found != SHOKYO_STATUS_OK) {
        exit(EXIT_FAILURE);
    }
}

/* The document's byte at an offset: nothing in it repeats with the length of a chunk. */
static uint8_t byte_at(uint64_t offset)
{
    return (uint8_t)((offset * UINT64_C(0x9E3779B97F4A7C15)) >> 56);
}

static shokyo_writer *begin(shokyo_vault *vault)
{
    shokyo_binding binding = {.struct_size = sizeof binding};
    shokyo_writer *writer = NULL;
    memset(binding.session, 0x5E, sizeof binding.session);
    memset(binding.context, 0xC0, sizeof binding.context);
    must("a writer", shokyo_writer_new(vault, &binding, &writer));
    return writer;
}

static shokyo_buffer *seal(shokyo_vault *vault)
{
    shokyo_writer *writer = begin(vault);
    shokyo_buffer *buffer = NULL;
    uint8_t piece[PIECE];
    uint64_t offset = 0;
    while (offset < LENGTH) {
        size_t length = LENGTH - offset < PIECE ? (size_t)(LENGTH - offset) : PIECE;
        for (size_t place = 0; place < length; place++) {
            piece[place] = byte_at(offset + place);
        }
        must("writing", shokyo_writer_write(writer, piece, length));
        offset += length;
    }
    must("finishing", shokyo_writer_finish(writer, &buffer));
    expect("a finished writer is no longer one", shokyo_writer_write(writer, piece, 1), SHOKYO_STATUS_INVALID_HANDLE);
    return buffer;
}

/* What the callbacks below have seen and done. */
struct visit {
    shokyo_vault *vault;
    shokyo_buffer *buffer;
    uint64_t seen;
    unsigned calls;
    bool same;
    shokyo_status inner;
};

static int32_t compare(void *user_data, uint64_t offset, const uint8_t *plain, size_t length)
{
    struct visit *visit = user_data;
    visit->same = visit->same && offset == visit->seen;
    for (size_t place = 0; place < length; place++) {
        visit->same = visit->same && plain[place] == byte_at(offset + place);
    }
    visit->seen = offset + length;
    visit->calls++;
    return 0;
}

static int32_t stop(void *user_data, uint64_t offset, const uint8_t *plain, size_t length)
{
    struct visit *visit = user_data;
    (void)offset, (void)plain, (void)length;
    visit->calls++;
    return 42;
}

static int32_t look_again(void *user_data, uint64_t offset, const uint8_t *plain, size_t length)
{
    struct visit *visit = user_data;
    (void)offset, (void)plain, (void)length;
    visit->inner = shokyo_buffer_read_at(visit->buffer, 0, stop, visit);
    return 0;
}

static int32_t free_inside(void *user_data, uint64_t offset, const uint8_t *plain, size_t length)
{
    struct visit *visit = user_data;
    visit->inner = shokyo_buffer_free(visit->buffer);
    visit->same = length > 0 && plain[0] == byte_at(offset);
    return 0;
}

static void read_back(shokyo_buffer *buffer)
{
    struct visit visit = {.same = true};
    uint64_t length = 0;
    must("the length", shokyo_buffer_length(buffer, &length));
    require("the length is what was written", length == LENGTH);

    must("reading all windows", shokyo_buffer_for_each_window(buffer, compare, &visit));
    require("all windows show what was written", visit.same && visit.seen == LENGTH && visit.calls > 1);

    visit = (struct visit){.same = true, .seen = LENGTH - 10};
    must("reading near the end", shokyo_buffer_read_at(buffer, LENGTH - 10, compare, &visit));
    require("the last ten bytes are shown", visit.same && visit.seen == LENGTH && visit.calls == 1);

    visit = (struct visit){.buffer = buffer};
    expect("a callback stops", shokyo_buffer_for_each_window(buffer, stop, &visit), SHOKYO_STATUS_CALLBACK_STOPPED);
    require("after a stop no window follows", visit.calls == 1);
    expect("beyond the end", shokyo_buffer_read_at(buffer, LENGTH, compare, &visit), SHOKYO_STATUS_OUT_OF_RANGE);
    expect("without a callback", shokyo_buffer_read_at(buffer, 0, NULL, NULL), SHOKYO_STATUS_INVALID_ARGUMENT);
    must("a window inside a window", shokyo_buffer_read_at(buffer, 0, look_again, &visit));
    expect("the inner window", visit.inner, SHOKYO_STATUS_WINDOW_IN_USE);
}

static const char *class_name(uint32_t copy_class)
{
    switch (copy_class) {
    case SHOKYO_COPY_KEY:
        return "keys";
    case SHOKYO_COPY_CIPHERTEXT:
        return "ciphertext";
    case SHOKYO_COPY_WINDOW:
        return "windows";
    default:
        return "other copies";
    }
}

static void erase_with_evidence(shokyo_buffer *buffer)
{
    shokyo_erasure *erasure = NULL;
    shokyo_erasure_info info = {.struct_size = sizeof info};
    bool verified = false;
    size_t count = 0;
    must("erasing", shokyo_buffer_erase(buffer, &erasure));
    must("asking for the verification", shokyo_erasure_verified(erasure, &verified));
    must("the evidence", shokyo_erasure_describe(erasure, &info));
    must("counting", shokyo_erasure_copy_count(erasure, &count));
    require("the erasure is verified", verified && info.verified == 1 && info.has_key == 1);
    require("the evidence is the session's", info.session[0] == 0x5E && info.session[31] == 0x5E);
    require("keys, ciphertext and windows were erased", count == 3 && info.copy_count == count);
    for (size_t index = 0; index < count; index++) {
        shokyo_erased_copy copy = {.struct_size = sizeof copy};
        must("a class of copies", shokyo_erasure_copy_at(erasure, index, &copy));
        printf("erased and read back: %-12s %4" PRIu64 " ranges, %8" PRIu64 " bytes, %" PRIu64 " failed\n",
               class_name(copy.copy_class), copy.verified, copy.bytes, copy.failed);
        require("every class was verified", copy.verified > 0 && copy.failed == 0);
        require("at least the document was erased", copy.copy_class == SHOKYO_COPY_KEY || copy.bytes >= LENGTH);
    }
    shokyo_erased_copy none = {.struct_size = sizeof none};
    expect("beyond the last class", shokyo_erasure_copy_at(erasure, count, &none), SHOKYO_STATUS_OUT_OF_RANGE);
    must("giving up the evidence", shokyo_erasure_free(erasure));
    expect("giving it up again", shokyo_erasure_free(erasure), SHOKYO_STATUS_INVALID_HANDLE);

    struct visit visit = {.same = true};
    erasure = NULL;
    expect("reading what is erased", shokyo_buffer_read_at(buffer, 0, compare, &visit), SHOKYO_STATUS_INVALID_HANDLE);
    expect("erasing what is erased", shokyo_buffer_erase(buffer, &erasure), SHOKYO_STATUS_INVALID_HANDLE);
    expect("freeing what is erased", shokyo_buffer_free(buffer), SHOKYO_STATUS_INVALID_HANDLE);
    require("nothing was shown and nothing written", visit.calls == 0 && erasure == NULL);
}

static void misuse(shokyo_vault *vault)
{
    shokyo_binding binding = {.struct_size = sizeof binding};
    shokyo_writer *writer = NULL;
    shokyo_buffer *buffer = NULL;
    int on_the_stack = 0;
    expect("no binding", shokyo_writer_new(vault, NULL, &writer), SHOKYO_STATUS_INVALID_ARGUMENT);
    expect("no output", shokyo_writer_new(vault, &binding, NULL), SHOKYO_STATUS_INVALID_ARGUMENT);
    expect("no vault", shokyo_writer_new(NULL, &binding, &writer), SHOKYO_STATUS_INVALID_HANDLE);
    expect("an address for a vault", shokyo_writer_new((shokyo_vault *)&on_the_stack, &binding, &writer),
           SHOKYO_STATUS_INVALID_HANDLE);
    binding.struct_size = 0;
    expect("a binding without size", shokyo_writer_new(vault, &binding, &writer), SHOKYO_STATUS_INVALID_ARGUMENT);
    require("no failed call wrote an output", writer == NULL);

    writer = begin(vault);
    expect("a writer for a vault", shokyo_vault_free((shokyo_vault *)writer), SHOKYO_STATUS_INVALID_HANDLE);
    expect("NULL with a length", shokyo_writer_write(writer, NULL, 1), SHOKYO_STATUS_INVALID_ARGUMENT);
    expect("a length that cannot be", shokyo_writer_write(writer, "", SIZE_MAX), SHOKYO_STATUS_INVALID_ARGUMENT);
    expect("nothing at all", shokyo_writer_write(writer, NULL, 0), SHOKYO_STATUS_OK);
    expect("finishing to nowhere", shokyo_writer_finish(writer, NULL), SHOKYO_STATUS_INVALID_ARGUMENT);
    must("freeing", shokyo_writer_free(writer));
    expect("freeing twice", shokyo_writer_free(writer), SHOKYO_STATUS_INVALID_HANDLE);
    must("freeing NULL", shokyo_writer_free(NULL));

    buffer = seal(vault);
    struct visit visit = {.buffer = buffer};
    must("reading while it is freed", shokyo_buffer_read_at(buffer, 5, free_inside, &visit));
    expect("freeing inside the callback", visit.inner, SHOKYO_STATUS_OK);
    require("the window outlives the handle", visit.same);
    expect("freeing after it", shokyo_buffer_free(buffer), SHOKYO_STATUS_INVALID_HANDLE);
}

static void erase_everything(shokyo_vault *vault)
{
    shokyo_erase_all_outcome outcome = {.struct_size = sizeof outcome};
    shokyo_buffer *buffer = seal(vault);
    struct visit visit = {.same = true};
    must("erasing everything", shokyo_vault_erase_all(vault, &outcome));
    require("one key was destroyed", outcome.destroyed == 1 && outcome.verified == 1 && outcome.failed == 0);
    require("nothing was in use", outcome.in_flight == 0);
    expect("reading afterwards", shokyo_buffer_read_at(buffer, 0, compare, &visit), SHOKYO_STATUS_ERASED);
    must("freeing", shokyo_buffer_free(buffer));
}

int main(void)
{
    shokyo_vault_options options = {.struct_size = sizeof options, .windows = 2};
    shokyo_vault *vault = NULL;
    uint32_t protections = 0;
    require("header and library agree", shokyo_abi_version() == SHOKYO_ABI_VERSION);
    must("opening", shokyo_vault_open(&options, &vault));
    must("the protections", shokyo_vault_protections(vault, &protections));
    printf("shokyo %s, protections 0x%" PRIx32 "\n", shokyo_version(), protections);
    require("memory is locked", (protections & SHOKYO_PROTECTION_LOCKED) != 0);

    shokyo_buffer *buffer = seal(vault);
    read_back(buffer);
    erase_with_evidence(buffer);
    misuse(vault);
    erase_everything(vault);

    must("closing", shokyo_vault_free(vault));
    expect("closing twice", shokyo_vault_free(vault), SHOKYO_STATUS_INVALID_HANDLE);
    if (failures != 0) {
        fprintf(stderr, "%d expectations do not hold\n", failures);
        return EXIT_FAILURE;
    }
    puts("all as it should be");
    return EXIT_SUCCESS;
}
