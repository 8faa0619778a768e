/*
 * What a caller must not do, done on purpose: every call answers the status that the header promises, and nothing crashes. Run under
 * AddressSanitizer, UndefinedBehaviorSanitizer, ThreadSanitizer and valgrind (`cargo xtask step misuse`).
 *
 * The argument is a folder that `shokyo keys init` wrote. Exits with 0 only if everything is as the header says.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "misuse.h"

enum { LENGTH = 3000 };

static shokyo_vault *open_vault(void)
{
    shokyo_vault *vault = NULL;
    shokyo_vault_options options = {.struct_size = sizeof options, .windows = 2, .key_cells = 256, .patience = 500};
    options.best_effort = 1;
    options.secret_memory = 2;
    must("a vault", shokyo_vault_open(&options, &vault));
    return vault;
}

static shokyo_writer *begin(const shokyo_vault *vault)
{
    shokyo_binding binding = {.struct_size = sizeof binding, .session = {1}, .context = {2}};
    shokyo_writer *writer = NULL;
    must("a writer", shokyo_writer_new(vault, &binding, &writer));
    return writer;
}

static shokyo_buffer *seal(const shokyo_vault *vault)
{
    static const uint8_t plain[LENGTH] = {7};
    shokyo_writer *writer = begin(vault);
    shokyo_buffer *buffer = NULL;
    must("writing", shokyo_writer_write(writer, plain, sizeof plain));
    must("finishing", shokyo_writer_finish(writer, &buffer));
    return buffer;
}

static int32_t look(void *count, uint64_t offset, const uint8_t *plain, size_t length)
{
    (void)offset, (void)plain;
    if (count != NULL) {
        *(size_t *)count += length;
    }
    return 0;
}

static int32_t look_at_application(void *data, const uint8_t *subject, size_t subject_length, const uint8_t *details, size_t length)
{
    (void)data, (void)subject, (void)subject_length, (void)details, (void)length;
    return 0;
}

static void wrong_handles(void)
{
    static int object;
    shokyo_vault *vault = open_vault();
    shokyo_buffer *buffer = seal(vault);
    shokyo_writer *writer = begin(vault);
    shokyo_erasure *erasure = NULL;
    void *dead[4];
    must("erasing", shokyo_buffer_erase(seal(vault), &erasure));

    refused_as("a vault as another kind", vault, 0);
    refused_as("a writer as another kind", writer, 1);
    refused_as("a buffer as another kind", buffer, 2);
    refused_as("an erasure as another kind", erasure, 3);
    refused_as("the address of an object", &object, -1);
    for (unsigned bit = 0; bit < sizeof(void *) * 8; bit++) {
        refused_as("one bit", (void *)((uintptr_t)1 << bit), -1);
        /* A handle with a wrong bit is another place or generation: of a live one of another kind at most, which is not freed here. */
        require("a neighbour of a buffer is no kiosk",
                shokyo_kiosk_free((shokyo_kiosk *)((uintptr_t)buffer ^ (uintptr_t)1 << bit)) == SHOKYO_STATUS_INVALID_HANDLE);
    }
    for (int kind = 0; kind < KINDS; kind++) {
        expect("freeing NULL", free_as(kind, NULL), SHOKYO_STATUS_OK);
        expect("using NULL", use_as(kind, NULL), SHOKYO_STATUS_INVALID_HANDLE);
    }

    dead[0] = vault, dead[1] = writer, dead[2] = buffer, dead[3] = erasure;
    for (int kind = 3; kind >= 0; kind--) {
        expect("freeing", free_as(kind, dead[kind]), SHOKYO_STATUS_OK);
    }
    for (int round = 0; round < 3; round++) {
        /* New objects take the places of the dead ones, and not their handles. */
        shokyo_vault *other = open_vault();
        shokyo_buffer *document = seal(other);
        for (int kind = 0; kind < 4; kind++) {
            refused_as("a dead handle", dead[kind], -1);
        }
        must("the new document", shokyo_buffer_free(document));
        must("the new vault", shokyo_vault_free(other));
    }
}

static void after_the_end(void)
{
    uint8_t byte = 1;
    size_t seen = 0;
    shokyo_vault *vault = open_vault();
    shokyo_buffer *buffer = seal(vault), *again = NULL;
    shokyo_writer *writer = begin(vault), *finished = begin(vault);
    shokyo_erasure *evidence = NULL, *more = NULL;
    shokyo_erase_all_outcome outcome = {.struct_size = sizeof outcome};

    must("finishing", shokyo_writer_finish(finished, &again));
    expect("writing to a finished writer", shokyo_writer_write(finished, &byte, 1), SHOKYO_STATUS_INVALID_HANDLE);
    expect("finishing twice", shokyo_writer_finish(finished, &again), SHOKYO_STATUS_INVALID_HANDLE);
    must("erasing", shokyo_buffer_erase(again, &evidence));
    expect("erasing twice", shokyo_buffer_erase(again, &more), SHOKYO_STATUS_INVALID_HANDLE);
    require("no output of a failed call", more == NULL);
    expect("reading what is erased", shokyo_buffer_read_at(again, 0, look, NULL), SHOKYO_STATUS_INVALID_HANDLE);
    must("freeing evidence", shokyo_erasure_free(evidence));
    expect("freeing it twice", shokyo_erasure_free(evidence), SHOKYO_STATUS_INVALID_HANDLE);

    must("a byte, and with it a key", shokyo_writer_write(writer, &byte, 1));
    must("erasing everything", shokyo_vault_erase_all(vault, &outcome));
    expect("reading after it", shokyo_buffer_for_each_window(buffer, look, &seen), SHOKYO_STATUS_ERASED);
    expect("writing after it", shokyo_writer_write(writer, &byte, 1), SHOKYO_STATUS_ERASED);
    require("nothing was shown", seen == 0);
    must("closing the vault", shokyo_vault_free(vault));
    expect("a closed vault", shokyo_vault_erase_all(vault, &outcome), SHOKYO_STATUS_INVALID_HANDLE);
    expect("a writer of a closed vault is still erased", shokyo_writer_write(writer, &byte, 1), SHOKYO_STATUS_ERASED);
    must("freeing the writer", shokyo_writer_free(writer));
    must("freeing the buffer", shokyo_buffer_free(buffer));
}

static void wrong_arguments(void)
{
    const shokyo_status bad = SHOKYO_STATUS_INVALID_ARGUMENT;
    static uint8_t large[8192];
    uint8_t byte = 1, session[32] = {0};
    size_t length = 0;
    shokyo_vault *vault = open_vault();
    shokyo_buffer *buffer = seal(vault);
    shokyo_writer *writer = begin(vault);
    shokyo_receipt *receipt = NULL;
    shokyo_now now = {.struct_size = sizeof now};
    shokyo_vault *none = NULL;

    expect("no place for a vault", shokyo_vault_open(NULL, NULL), bad);
    expect("no flags", shokyo_vault_protections(vault, NULL), bad);
    expect("no outcome", shokyo_vault_erase_all(vault, NULL), bad);
    expect("no binding", shokyo_writer_new(vault, NULL, &writer), bad);
    expect("no bytes", shokyo_writer_write(writer, NULL, 1), bad);
    expect("no place for a buffer", shokyo_writer_finish(writer, NULL), bad);
    expect("no place for evidence", shokyo_writer_erase(writer, NULL), bad);
    expect("no place for evidence", shokyo_buffer_erase(buffer, NULL), bad);
    expect("no place for a length", shokyo_buffer_length(buffer, NULL), bad);
    expect("no reader", shokyo_buffer_read_at(buffer, 0, NULL, NULL), bad);
    expect("no reader", shokyo_buffer_for_each_window(buffer, NULL, NULL), bad);
    expect("no clock", shokyo_clock(NULL), bad);
    expect("no path", shokyo_station_open(NULL, NULL, NULL), bad);
    expect("no frame", shokyo_frame_session(NULL, 5, session), bad);
    expect("no receipt", shokyo_receipt_verify(NULL, 5, session, 32, &receipt), bad);
    expect("no key", shokyo_receipt_verify(&byte, 1, NULL, 32, &receipt), bad);
    expect("no application", shokyo_kiosk_apply(NULL, &now, NULL, NULL), bad);
    expect("no session", shokyo_issuer_application(NULL, NULL, look_at_application, NULL), bad);
    expect("a destroy without a logger", shokyo_log_to(NULL, NULL, free), bad);
    expect("unknown signals", shokyo_erase_on_signals(1U << 20), bad);

    expect("a huge length", shokyo_writer_write(writer, &byte, SIZE_MAX), bad);
    expect("a huge length", shokyo_writer_write(writer, &byte, (size_t)PTRDIFF_MAX + 1), bad);
    expect("a huge frame", shokyo_frame_session(&byte, SIZE_MAX, session), bad);
    expect("a huge receipt", shokyo_receipt_read_unverified(&byte, SIZE_MAX, &receipt), bad);
    expect("a huge range to wipe", shokyo_wipe(&byte, SIZE_MAX), bad);
    require("nothing was wiped", byte == 1);
    expect("a large receipt", shokyo_receipt_read_unverified(large, sizeof large, &receipt), SHOKYO_STATUS_TOO_LARGE);
    expect("a huge offset", shokyo_buffer_read_at(buffer, UINT64_MAX, look, NULL), SHOKYO_STATUS_OUT_OF_RANGE);
    expect("a huge index", shokyo_receipt_copy_at(NULL, SIZE_MAX, NULL), bad);
    require("a text for any number", shokyo_status_text(INT32_MIN)[0] != 0 && shokyo_cause_name(UINT32_MAX)[0] != 0);
    require("a cut text", shokyo_detail((char *)large, 1) > 0 && large[0] == 0);
    (void)length;

    for (uint32_t wrong = 0; wrong < 4; wrong++) {
        static const uint32_t sizes[] = {0, 3, 5000, UINT32_MAX};
        shokyo_vault_options options = {.struct_size = sizes[wrong]};
        shokyo_binding binding = {.struct_size = sizes[wrong]};
        shokyo_erase_all_outcome outcome = {.struct_size = sizes[wrong]};
        shokyo_writer *other = NULL;
        now.struct_size = sizes[wrong];
        expect("options of a wrong size", shokyo_vault_open(&options, &none), bad);
        expect("a binding of a wrong size", shokyo_writer_new(vault, &binding, &other), bad);
        expect("an outcome of a wrong size", shokyo_vault_erase_all(vault, &outcome), bad);
        expect("a moment of a wrong size", shokyo_clock(&now), bad);
        require("nothing was opened", none == NULL && other == NULL);
    }
    {
        /* A caller of a later version: fields that this one does not know must be 0. */
        struct {
            shokyo_vault_options known;
            uint64_t later[4];
        } options = {.known = {.struct_size = sizeof options, .windows = 1, .best_effort = 1}};
        must("unknown fields that are 0", shokyo_vault_open(&options.known, &none));
        must("that vault", shokyo_vault_free(none));
        options.later[3] = 1;
        expect("an unknown field that is set", shokyo_vault_open(&options.known, &none), bad);
        options.later[3] = 0;
        options.known.best_effort = 7;
        expect("an unknown number", shokyo_vault_open(&options.known, &none), bad);
    }
    must("the writer", shokyo_writer_free(writer));
    must("the buffer", shokyo_buffer_free(buffer));
    must("the vault", shokyo_vault_free(vault));
}

struct inside {
    shokyo_vault *vault;
    shokyo_buffer *buffer;
    bool seen;
};

/* Everything that a reader may and may not call. */
static int32_t call_back(void *data, uint64_t offset, const uint8_t *plain, size_t length)
{
    struct inside *inside = data;
    shokyo_erasure *evidence = NULL;
    shokyo_writer *writer = begin(inside->vault);
    uint64_t size = 0;
    (void)offset;
    inside->seen = length > 0 && plain[0] == 7;
    expect("a window in a window", shokyo_buffer_read_at(inside->buffer, 0, look, NULL), SHOKYO_STATUS_WINDOW_IN_USE);
    expect("writing in a window", shokyo_writer_write(writer, "x", 1), SHOKYO_STATUS_WINDOW_IN_USE);
    expect("erasing what is looked at", shokyo_buffer_erase(inside->buffer, &evidence), SHOKYO_STATUS_HANDLE_IN_USE);
    expect("its length", shokyo_buffer_length(inside->buffer, &size), SHOKYO_STATUS_OK);
    expect("freeing it", shokyo_buffer_free(inside->buffer), SHOKYO_STATUS_OK);
    expect("freeing it twice", shokyo_buffer_free(inside->buffer), SHOKYO_STATUS_INVALID_HANDLE);
    expect("freeing the vault", shokyo_vault_free(inside->vault), SHOKYO_STATUS_OK);
    expect("freeing a writer", shokyo_writer_free(writer), SHOKYO_STATUS_OK);
    require("the plaintext is still there", plain[0] == 7);
    return 1;
}

static void re_entry(void)
{
    struct inside inside = {.vault = open_vault()};
    inside.buffer = seal(inside.vault);
    expect("a reader that stops", shokyo_buffer_read_at(inside.buffer, 0, call_back, &inside), SHOKYO_STATUS_CALLBACK_STOPPED);
    require("it was called", inside.seen);
    expect("the document is gone", shokyo_buffer_read_at(inside.buffer, 0, look, NULL), SHOKYO_STATUS_INVALID_HANDLE);
}

static shokyo_vault *shared_vault;
static shokyo_writer *shared_writer;
static shokyo_buffer *shared_buffer;

/* Several threads write to one writer, read, and end one document: each call is right or refused. */
static void *at_once(void *unused)
{
    long wrong = 0, erased = 0;
    (void)unused;
    for (int round = 0; round < 200; round++) {
        uint8_t bytes[100] = {0};
        shokyo_status status = shokyo_writer_write(shared_writer, bytes, sizeof bytes);
        wrong += status != SHOKYO_STATUS_OK && status != SHOKYO_STATUS_HANDLE_IN_USE;
        status = shokyo_buffer_read_at(shared_buffer, 0, look, NULL);
        wrong += status != SHOKYO_STATUS_OK && status != SHOKYO_STATUS_INVALID_HANDLE && status != SHOKYO_STATUS_WINDOW_TIMEOUT;
        if (round >= 100) {
            shokyo_erasure *evidence = NULL;
            status = shokyo_buffer_erase(shared_buffer, &evidence);
            wrong += status != SHOKYO_STATUS_OK && status != SHOKYO_STATUS_INVALID_HANDLE && status != SHOKYO_STATUS_HANDLE_IN_USE;
            erased += status == SHOKYO_STATUS_OK;
            wrong += shokyo_erasure_free(evidence) != SHOKYO_STATUS_OK;
        }
    }
    return (void *)(wrong * 1000 + erased);
}

static void many_threads(void)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    long results = 0;
    shokyo_erasure *evidence = NULL;
    shared_vault = open_vault();
    shared_writer = begin(shared_vault);
    shared_buffer = seal(shared_vault);
    for (int thread = 0; thread < THREADS; thread++) {
        require("a thread", pthread_create(&threads[thread], NULL, at_once, NULL) == 0);
    }
    for (int thread = 0; thread < THREADS; thread++) {
        void *result = NULL;
        require("its end", pthread_join(threads[thread], &result) == 0);
        results += (long)result;
    }
    if (shokyo_buffer_erase(shared_buffer, &evidence) == SHOKYO_STATUS_OK) {
        results++;
        must("evidence", shokyo_erasure_free(evidence));
    }
    /* Thousands are wrong answers. */
    require("every answer is one that is promised, and the document was erased once", results == 1);
    must("the writer", shokyo_writer_free(shared_writer));
    must("the vault", shokyo_vault_free(shared_vault));
}

static void in_a_child(void)
{
    shokyo_vault *vault = open_vault();
    shokyo_buffer *buffer = seal(vault);
    size_t seen = 0;
    int ended = 0;
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        shokyo_vault *other = NULL;
        uint64_t length = 0;
        bool right = shokyo_buffer_read_at(buffer, 0, look, &seen) == SHOKYO_STATUS_FORKED_CHILD
            && shokyo_buffer_length(buffer, &length) == SHOKYO_STATUS_FORKED_CHILD
            && shokyo_buffer_free(buffer) == SHOKYO_STATUS_FORKED_CHILD
            && shokyo_vault_free(vault) == SHOKYO_STATUS_FORKED_CHILD
            && shokyo_vault_open(NULL, &other) == SHOKYO_STATUS_FORKED_CHILD && seen == 0;
        _exit(right ? 0 : 1);
    }
    require("a child is refused everything",
            child > 0 && waitpid(child, &ended, 0) == child && WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    expect("the parent goes on", shokyo_buffer_for_each_window(buffer, look, &seen), SHOKYO_STATUS_OK);
    require("with its document", seen == LENGTH);
    must("the buffer", shokyo_buffer_free(buffer));
    must("the vault", shokyo_vault_free(vault));
}

static int raced;

static void *race(void *unused)
{
    for (int round = 0; round < 1000; round++) {
        raced++;
    }
    return unused;
}

int main(int count, char **arguments)
{
    /* A control: the tools that watch this program must find what is really wrong. */
    if (count == 2 && strcmp(arguments[1], "--read-beyond-the-end") == 0) {
        volatile size_t beyond = 10;
        char *bytes = calloc(beyond, 1);
        int found = bytes != NULL && bytes[beyond] != 0;
        free(bytes);
        return found ? 2 : 3;
    }
    if (count == 2 && strcmp(arguments[1], "--race") == 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, race, NULL) == 0) {
            race(NULL);
            pthread_join(thread, NULL);
        }
        return EXIT_SUCCESS;
    }
    if (count != 2) {
        fprintf(stderr, "usage: misuse FOLDER, which `shokyo keys init` wrote\n");
        return EXIT_FAILURE;
    }
    alarm(180);
    wrong_handles();
    after_the_end();
    wrong_arguments();
    re_entry();
    many_threads();
    in_a_child();
    live_stations(arguments[1]);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
