/*
 * What a caller must not do with whole stations: a kiosk, an issuing system and a relay that are open, with a link, a transaction, a
 * customer, a receipt and a store.
 */
#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "misuse.h"

/* The live object of each kind; NULL where there is none. */
struct town {
    void *live[KINDS];
    shokyo_station *issuer, *relay;
    uint8_t session[32];
    char store[4096];
};

static shokyo_now now(void)
{
    shokyo_now now = {.struct_size = sizeof now};
    must("the clock", shokyo_clock(&now));
    return now;
}

static shokyo_station *open_station(const char *folder, const char *name, bool records_by_host)
{
    char path[4096];
    shokyo_station *station = NULL;
    shokyo_station_options options = {.struct_size = sizeof options, .records_by_host = records_by_host};
    snprintf(path, sizeof path, "%s/%s.toml", folder, name);
    must(name, shokyo_station_open(path, &options, &station));
    return station;
}

static shokyo_kiosk *apply(const shokyo_station *station)
{
    static const char subject[] = "S-0001";
    shokyo_kiosk *kiosk = NULL;
    shokyo_now at = now();
    shokyo_application application = {.struct_size = sizeof application, .copies = 1};
    application.operator_name = "municipality";
    application.issuer = "issuer-1";
    application.document_kind = "resident-certificate";
    application.subject = subject;
    application.subject_length = sizeof subject - 1;
    must("an application", shokyo_kiosk_apply(station, &at, &application, &kiosk));
    return kiosk;
}

/* A transaction that is on record: its greeting is answered, and its application waits to be sent. */
static shokyo_kiosk *begin_session(struct town *town)
{
    static uint8_t frame[SHOKYO_MAX_FRAME];
    shokyo_kiosk *kiosk = apply(town->live[STATION]);
    shokyo_now at = now();
    uint64_t peer = 0;
    size_t length = 0;
    must("a greeting", shokyo_kiosk_poll_frame(kiosk, frame, sizeof frame, &length));
    must("a greeting that comes", shokyo_issuer_handle_frame(town->live[ISSUER], &at, 1, frame, length));
    must("a challenge", shokyo_issuer_poll_frame(town->live[ISSUER], frame, sizeof frame, &length, &peer));
    must("a challenge that comes", shokyo_kiosk_handle_frame(kiosk, &at, frame, length));
    must("its session", shokyo_kiosk_session(kiosk, town->session));
    must("its record", shokyo_kiosk_store_records(kiosk, &at));
    return kiosk;
}

static int32_t keep_receipt(void *town, const shokyo_stored_receipt *stored)
{
    shokyo_receipt *receipt = NULL;
    must("a receipt", shokyo_receipt_read_unverified(stored->receipt, stored->length, &receipt));
    ((struct town *)town)->live[RECEIPT] = receipt;
    return 1;
}

/* Everything of the town; the receipt is that of a transaction that was cancelled. */
static void open_town(struct town *town, const char *folder)
{
    shokyo_now at = now();
    shokyo_station *kiosk = open_station(folder, "kiosk", false);
    shokyo_binding binding = {.struct_size = sizeof binding, .session = {1}, .context = {2}};
    shokyo_writer *writer = NULL;
    memset(town, 0, sizeof *town);
    town->live[STATION] = kiosk;
    town->issuer = open_station(folder, "issuer", true);
    town->relay = open_station(folder, "ec-centre", true);
    must("the vault", shokyo_station_vault(kiosk, (shokyo_vault **)&town->live[VAULT]));
    must("a link", shokyo_link_connect(kiosk, &at, (shokyo_link **)&town->live[LINK]));
    must("a customer", shokyo_customer_begin(kiosk, &at, NULL, SHOKYO_CREDENTIAL_CARD, (shokyo_customer **)&town->live[CUSTOMER]));
    must("an outbox", shokyo_outbox_new(kiosk, (shokyo_outbox **)&town->live[OUTBOX]));
    must("an issuer", shokyo_issuer_new(town->issuer, (shokyo_issuer **)&town->live[ISSUER]));
    must("a relay", shokyo_relay_new(town->relay, (shokyo_relay **)&town->live[RELAY]));
    must("a writer", shokyo_writer_new(town->live[VAULT], &binding, &writer));
    must("a document", shokyo_writer_finish(writer, (shokyo_buffer **)&town->live[BUFFER]));
    must("its evidence", shokyo_buffer_erase(town->live[BUFFER], (shokyo_erasure **)&town->live[ERASURE]));
    town->live[BUFFER] = NULL;

    snprintf(town->store, sizeof town->store, "%s/kiosk-1.sqlite3", folder);
    town->live[KIOSK] = begin_session(town);
    at = now();
    must("cancelling", shokyo_kiosk_cancel(town->live[KIOSK], &at, SHOKYO_CAUSE_CANCELLED));
    must("its receipt", shokyo_kiosk_store_records(town->live[KIOSK], &at));
    must("a store", shokyo_store_open(town->store, (shokyo_store **)&town->live[STORE]));
    expect("the receipt", shokyo_store_for_each_receipt(town->live[STORE], town->session, keep_receipt, town), SHOKYO_STATUS_CALLBACK_STOPPED);
    must("giving it up", shokyo_kiosk_free(town->live[KIOSK]));
    town->live[KIOSK] = begin_session(town);
}

/* Each object as every other kind, which is refused and changes nothing. */
static void as_another_kind(struct town *town)
{
    for (int kind = 0; kind < KINDS; kind++) {
        if (town->live[kind] != NULL) {
            refused_as("an object of a station as another kind", town->live[kind], kind);
            require("it is still there", use_as(kind, town->live[kind]) == SHOKYO_STATUS_OK);
        }
    }
}

/* Lengths, pointers and frames that are none. */
static void wrong_frames(struct town *town)
{
    const shokyo_status bad = SHOKYO_STATUS_INVALID_ARGUMENT;
    static uint8_t frame[SHOKYO_MAX_FRAME + 1];
    shokyo_now at = now();
    size_t length = 7;
    uint64_t peer = 0, ticket = 0;
    bool taken = false;

    expect("no frame", shokyo_kiosk_handle_frame(town->live[KIOSK], &at, NULL, 5), bad);
    expect("no frame", shokyo_issuer_handle_frame(town->live[ISSUER], &at, 1, NULL, 5), bad);
    expect("no frame", shokyo_relay_handle_frame(town->live[RELAY], &at, 1, NULL, 5), bad);
    expect("no frame", shokyo_outbox_handle_frame(town->live[OUTBOX], &at, NULL, 5, &taken), bad);
    expect("no bytes", shokyo_link_receive(town->live[LINK], &at, NULL, 5, &length), bad);
    expect("no frame", shokyo_link_send_frame(town->live[LINK], &at, NULL, 5), bad);
    expect("a huge frame", shokyo_kiosk_handle_frame(town->live[KIOSK], &at, frame, SIZE_MAX), bad);
    expect("a huge frame", shokyo_issuer_handle_frame(town->live[ISSUER], &at, 1, frame, SIZE_MAX), bad);
    expect("a huge frame", shokyo_relay_handle_frame(town->live[RELAY], &at, 1, frame, SIZE_MAX), bad);
    expect("huge bytes", shokyo_link_receive(town->live[LINK], &at, frame, SIZE_MAX, &length), bad);
    expect("no time", shokyo_kiosk_handle_timeout(town->live[KIOSK], NULL), bad);
    expect("no place", shokyo_kiosk_poll_frame(town->live[KIOSK], NULL, sizeof frame, &length), bad);
    require("no frame of zeros is taken", shokyo_kiosk_handle_frame(town->live[KIOSK], &at, frame, sizeof frame) != SHOKYO_STATUS_OK
            && shokyo_issuer_handle_frame(town->live[ISSUER], &at, 1, frame, 300) != SHOKYO_STATUS_OK
            && shokyo_relay_handle_frame(town->live[RELAY], &at, 1, frame, 0) != SHOKYO_STATUS_OK);
    expect("a frame with no room for it", shokyo_kiosk_poll_frame(town->live[KIOSK], NULL, 0, &length), SHOKYO_STATUS_CAPACITY_TOO_SMALL);
    require("how much room is told, and the frame is kept", length > 100);
    must("the frame", shokyo_kiosk_poll_frame(town->live[KIOSK], frame, sizeof frame, &length));
    must("no other", shokyo_issuer_poll_frame(town->live[ISSUER], frame, sizeof frame, &length, &peer));
    require("nothing is sent for what was refused", length == 0);
    must("no other", shokyo_relay_poll_frame(town->live[RELAY], frame, sizeof frame, &length, &peer, &ticket));
    expect("a ticket that was never given", shokyo_relay_handle_sent(town->live[RELAY], &at, 12345), bad);
    expect("a document before there is one", shokyo_kiosk_print(town->live[KIOSK], &at), SHOKYO_STATUS_WRONG_STATE);
    expect("records that the store keeps", shokyo_kiosk_handle_stored(town->live[KIOSK], &at, 1, SHOKYO_STORED_DURABLE),
           SHOKYO_STATUS_WRONG_STATE);
}

static shokyo_kiosk *shared;

/* Several threads drive one machine: each call is right or refused. */
static void *drive(void *unused)
{
    static _Thread_local uint8_t frame[SHOKYO_MAX_FRAME];
    long wrong = 0;
    (void)unused;
    for (int round = 0; round < 300; round++) {
        shokyo_now at = {.struct_size = sizeof at};
        uint64_t deadline = 0;
        size_t length = 0;
        bool some = false;
        shokyo_status answers[4];
        answers[0] = shokyo_clock(&at);
        answers[1] = shokyo_kiosk_handle_timeout(shared, &at);
        answers[2] = shokyo_kiosk_next_deadline(shared, &deadline, &some);
        answers[3] = shokyo_kiosk_poll_frame(shared, frame, sizeof frame, &length);
        for (int call = 0; call < 4; call++) {
            wrong += answers[call] != SHOKYO_STATUS_OK && answers[call] != SHOKYO_STATUS_HANDLE_IN_USE;
        }
    }
    return (void *)wrong;
}

static void many_threads_drive(struct town *town)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    shared = town->live[KIOSK];
    for (int thread = 0; thread < THREADS; thread++) {
        require("a thread", pthread_create(&threads[thread], NULL, drive, NULL) == 0);
    }
    for (int thread = 0; thread < THREADS; thread++) {
        void *wrong = NULL;
        require("its end", pthread_join(threads[thread], &wrong) == 0 && wrong == NULL);
    }
}

/* A reader of a store that frees the store. */
static int32_t free_the_store(void *store, const shokyo_session_info *session)
{
    (void)session;
    expect("freeing the store in its reader", shokyo_store_free(store), SHOKYO_STATUS_OK);
    expect("freeing it twice", shokyo_store_free(store), SHOKYO_STATUS_INVALID_HANDLE);
    return 1;
}

static void in_a_child_of_a_station(struct town *town)
{
    int ended = 0;
    pid_t child;
    fflush(NULL);
    child = fork();
    if (child == 0) {
        bool right = true;
        for (int kind = 0; kind < KINDS; kind++) {
            if (town->live[kind] != NULL) {
                right = right && use_as(kind, town->live[kind]) == SHOKYO_STATUS_FORKED_CHILD
                    && free_as(kind, town->live[kind]) == SHOKYO_STATUS_FORKED_CHILD;
            }
        }
        /* By a signal: valgrind would call lost what belongs to the threads that a child does not have. */
        raise(right ? SIGKILL : SIGABRT);
        _exit(1);
    }
    require("a child is refused everything of a station",
            child > 0 && waitpid(child, &ended, 0) == child && WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
}

void live_stations(const char *folder)
{
    struct town town;
    shokyo_now at;
    open_town(&town, folder);
    as_another_kind(&town);
    wrong_frames(&town);
    many_threads_drive(&town);
    in_a_child_of_a_station(&town);
    expect("a store whose reader stops", shokyo_store_for_each_session(town.live[STORE], SHOKYO_SESSIONS_ALL, free_the_store, town.live[STORE]),
           SHOKYO_STATUS_CALLBACK_STOPPED);
    expect("a store that its reader freed", use_as(STORE, town.live[STORE]), SHOKYO_STATUS_INVALID_HANDLE);
    must("the store again", shokyo_store_open(town.store, (shokyo_store **)&town.live[STORE]));

    /* The stations first: what was begun in their name lives on, and nothing new begins. */
    must("the issuer's station", shokyo_station_free(town.issuer));
    must("the relay's station", shokyo_station_free(town.relay));
    must("the kiosk's station", shokyo_station_free(town.live[STATION]));
    for (int kind = 0; kind < KINDS; kind++) {
        if (town.live[kind] != NULL) {
            expect("what lives without its station", use_as(kind, town.live[kind]),
                   kind == STATION ? SHOKYO_STATUS_INVALID_HANDLE : SHOKYO_STATUS_OK);
        }
    }
    {
        shokyo_kiosk *kiosk = NULL;
        shokyo_issuer *issuer = NULL;
        shokyo_application application = {.struct_size = sizeof application, .copies = 1};
        at = now();
        application.operator_name = application.issuer = application.document_kind = "x";
        application.subject = "x", application.subject_length = 1;
        expect("an application to a dead station", shokyo_kiosk_apply(town.live[STATION], &at, &application, &kiosk), SHOKYO_STATUS_INVALID_HANDLE);
        expect("an issuer of a dead station", shokyo_issuer_new(town.issuer, &issuer), SHOKYO_STATUS_INVALID_HANDLE);
        require("nothing was given", kiosk == NULL && issuer == NULL);
    }
    must("cancelling", shokyo_kiosk_cancel(town.live[KIOSK], &at, SHOKYO_CAUSE_CANCELLED));
    must("its records", shokyo_kiosk_store_records(town.live[KIOSK], &at));
    for (int kind = KINDS - 1; kind >= 0; kind--) {
        if (town.live[kind] != NULL && kind != STATION) {
            expect("freeing", free_as(kind, town.live[kind]), SHOKYO_STATUS_OK);
        }
    }
    for (int kind = 0; kind < KINDS; kind++) {
        if (town.live[kind] != NULL) {
            refused_as("a dead handle of a station", town.live[kind], -1);
        }
    }
}
