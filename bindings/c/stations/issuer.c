/*
 * An issuing system with a register of one row, over real connections, until its standard input ends.
 *
 *   issuer CONFIGURATION SUBJECT DOCUMENT [ADDRESS]
 *
 * It says "listening HOST:PORT" on standard output, and issues the document's file to the holder of the row and to nobody else.
 */
#define _POSIX_C_SOURCE 200809L

#include "neighbour.h"

#include <arpa/inet.h>
#include <netinet/in.h>

enum { NEIGHBOURS = 4, READ = 4096 };

typedef struct issuer_host {
    const char *subject, *document;
    shokyo_station *station;
    shokyo_issuer *issuer;
    neighbour neighbours[NEIGHBOURS];
    /* Neighbours that were lost, and are told to be back when they are. */
    bool lost[NEIGHBOURS];
    uint64_t lost_peer[NEIGHBOURS];
} issuer_host;

/* Whether the application is for the register's row. What was asked for stays in the window. */
static int32_t is_of_the_row(
    void *user_data, const uint8_t *subject, size_t subject_length, const uint8_t *details, size_t details_length)
{
    const issuer_host *host = user_data;
    (void)details;
    (void)details_length;
    return subject_length == strlen(host->subject) && memcmp(subject, host->subject, subject_length) == 0 ? 0 : 1;
}

/* The row's version: here the file's length, as the register's own counter would be. */
static uint64_t version_of(FILE *file)
{
    long length = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    rewind(file);
    return (uint64_t)length;
}

/* Seals the document as it is read: 4 KiB of it are in this program's memory at a time, and wiped. */
static bool compose(issuer_host *host, const uint8_t *session)
{
    uint8_t piece[READ];
    uint64_t version, again;
    size_t length;
    bool failed = false;
    shokyo_now now;
    FILE *file = fopen(host->document, "rb");
    if (file == NULL) {
        return false;
    }
    /* No copy in a buffer of stdio's. */
    setvbuf(file, NULL, _IONBF, 0);
    version = version_of(file);
    while (!failed && (length = fread(piece, 1, sizeof piece, file)) > 0) {
        failed = complain("sealing", shokyo_issuer_write(host->issuer, session, &version, sizeof version, piece, length));
    }
    shokyo_wipe(piece, sizeof piece);
    again = version_of(file);
    failed |= ferror(file) != 0;
    fclose(file);
    now = time_now();
    return !failed
           && !complain("offering", shokyo_issuer_offer(host->issuer, &now, session, host->subject, strlen(host->subject), &again,
                                                        sizeof again));
}

static neighbour *neighbour_of(issuer_host *host, uint64_t peer)
{
    for (int place = 0; place < NEIGHBOURS; place++) {
        if (host->neighbours[place].open && host->neighbours[place].peer == peer) {
            return &host->neighbours[place];
        }
    }
    return NULL;
}

/* Steps 2 to 4 of the header's loop, until nothing moves. */
static void settle(issuer_host *host)
{
    static uint8_t frame[SHOKYO_MAX_FRAME];
    bool moved = true;
    while (moved) {
        shokyo_now now = time_now();
        shokyo_event event = {.struct_size = sizeof event};
        size_t length = 0;
        uint64_t peer = 0;
        moved = false;
        complain("records", shokyo_issuer_store_records(host->issuer, &now));
        while (shokyo_issuer_poll_event(host->issuer, &event) == SHOKYO_STATUS_OK && event.kind != SHOKYO_EVENT_NONE) {
            moved = true;
            if (event.kind == SHOKYO_EVENT_APPLICATION) {
                shokyo_status ours = shokyo_issuer_application(host->issuer, event.session, is_of_the_row, host);
                if (ours != SHOKYO_STATUS_OK || !compose(host, event.session)) {
                    fprintf(stderr, "an application is refused\n");
                    shokyo_issuer_cancel(host->issuer, &now, event.session, SHOKYO_CAUSE_REFUSED);
                }
            } else if (event.kind == SHOKYO_EVENT_FINISHED) {
                fprintf(stderr, "a session is over, outcome %u\n", (unsigned)event.outcome);
            }
        }
        while (shokyo_issuer_poll_frame(host->issuer, frame, sizeof frame, &length, &peer) == SHOKYO_STATUS_OK && length > 0) {
            neighbour *to = neighbour_of(host, peer);
            moved = true;
            if (to != NULL) {
                complain("sending", shokyo_link_send_frame(to->link, &now, frame, length));
            }
            /* It may be a release. */
            shokyo_wipe(frame, length);
        }
    }
}

/* A station that was lost and is back goes on with its sessions. */
static void welcome(issuer_host *host, uint64_t peer)
{
    shokyo_now now = time_now();
    for (int place = 0; place < NEIGHBOURS; place++) {
        if (host->lost[place] && host->lost_peer[place] == peer) {
            host->lost[place] = false;
            shokyo_issuer_handle_peer_back(host->issuer, &now, peer);
        }
    }
}

static void take(void *user_data, uint64_t peer, const uint8_t *frame, size_t length)
{
    issuer_host *host = user_data;
    shokyo_now now = time_now();
    welcome(host, peer);
    complain("a frame", shokyo_issuer_handle_frame(host->issuer, &now, peer, frame, length));
    settle(host);
}

static void accept_one(issuer_host *host, int listener)
{
    int made = accept(listener, NULL, NULL);
    for (int place = 0; made >= 0 && place < NEIGHBOURS; place++) {
        if (host->neighbours[place].link == NULL) {
            fcntl(made, F_SETFL, O_NONBLOCK);
            if (neighbour_begin(&host->neighbours[place], made, host->station, false)) {
                return;
            }
            break;
        }
    }
    if (made >= 0) {
        close(made);
    }
}

static void turn(issuer_host *host, int place)
{
    neighbour *of = &host->neighbours[place];
    shokyo_now now;
    neighbour_read(of, take, host);
    if (of->open) {
        welcome(host, of->peer);
    }
    now = time_now();
    shokyo_link_handle_timeout(of->link, &now);
    neighbour_write(of);
    if (neighbour_is_over(of)) {
        if (of->open) {
            host->lost[place] = true;
            host->lost_peer[place] = of->peer;
            shokyo_issuer_handle_peer_lost(host->issuer, &now, of->peer);
        }
        neighbour_end(of);
    }
}

static void run(issuer_host *host, int listener)
{
    for (;;) {
        struct pollfd watched[2 + NEIGHBOURS] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
        uint64_t at = 0;
        bool is_some = false;
        shokyo_now now;
        int wait = sooner(1000, shokyo_issuer_next_deadline(host->issuer, &at, &is_some), at, is_some);
        for (int place = 0; place < NEIGHBOURS; place++) {
            neighbour *of = &host->neighbours[place];
            watched[2 + place].fd = of->link == NULL ? -1 : of->socket;
            watched[2 + place].events = of->out_at < of->out_end ? POLLIN | POLLOUT : POLLIN;
            if (of->link != NULL) {
                wait = sooner(wait, shokyo_link_next_deadline(of->link, &at, &is_some), at, is_some);
            }
        }
        poll(watched, 2 + NEIGHBOURS, wait);
        if (watched[0].revents != 0) {
            return;
        }
        if (watched[1].revents != 0) {
            accept_one(host, listener);
        }
        now = time_now();
        shokyo_issuer_handle_timeout(host->issuer, &now);
        for (int place = 0; place < NEIGHBOURS; place++) {
            if (host->neighbours[place].link != NULL) {
                turn(host, place);
            }
        }
        settle(host);
        for (int place = 0; place < NEIGHBOURS; place++) {
            if (host->neighbours[place].link != NULL) {
                neighbour_write(&host->neighbours[place]);
            }
        }
    }
}

int main(int count, char **arguments)
{
    static issuer_host host;
    char address[256] = "";
    size_t length = 0;
    struct sockaddr_in bound;
    socklen_t bound_length = sizeof bound;
    shokyo_now now;
    int listener;
    if (count < 4) {
        fprintf(stderr, "usage: %s CONFIGURATION SUBJECT DOCUMENT [ADDRESS]\n", arguments[0]);
        return EXIT_FAILURE;
    }
    host.subject = arguments[2];
    host.document = arguments[3];
    shokyo_erase_on_exit();
    must("the station", shokyo_station_open(arguments[1], NULL, &host.station));
    must("the issuer", shokyo_issuer_new(host.station, &host.issuer));
    must("the address", shokyo_station_address(host.station, SHOKYO_ADDRESS_LISTEN, address, sizeof address, &length));
    listener = socket_at(count > 4 ? arguments[4] : address, true);
    if (listener < 0 || getsockname(listener, (struct sockaddr *)&bound, &bound_length) != 0) {
        fprintf(stderr, "cannot listen\n");
        return EXIT_FAILURE;
    }
    printf("listening 127.0.0.1:%u\n", (unsigned)ntohs(bound.sin_port));
    fflush(stdout);

    run(&host, listener);

    now = time_now();
    shokyo_issuer_shutdown(host.issuer, &now);
    settle(&host);
    for (int place = 0; place < NEIGHBOURS; place++) {
        if (host.neighbours[place].link != NULL) {
            neighbour_close(&host.neighbours[place], take, &host);
        }
    }
    now = time_now();
    shokyo_issuer_abandon(host.issuer, &now);
    complain("the last records", shokyo_issuer_store_records(host.issuer, &now));
    shokyo_issuer_free(host.issuer);
    shokyo_station_free(host.station);
    close(listener);
    return EXIT_SUCCESS;
}
