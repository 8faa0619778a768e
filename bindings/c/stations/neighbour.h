/*
 * A neighbour of a station over a socket: what a host does around shokyo_link. Sockets do not block; one loop serves them all.
 */
#ifndef NEIGHBOUR_H
#define NEIGHBOUR_H

#include "shokyo.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 16384 };

/* A connection. */
typedef struct neighbour {
    int socket; /* -1 when there is none */
    shokyo_link *link;
    uint64_t peer; /* once the link was open */
    bool open;
    uint8_t in[PIECE]; /* read and not yet taken, from in_at to in_end */
    size_t in_at, in_end;
    uint8_t out[PIECE]; /* to be written, from out_at to out_end */
    size_t out_at, out_end;
} neighbour;

/* Takes a frame that came from a neighbour. */
typedef void frame_taker(void *host, uint64_t peer, const uint8_t *frame, size_t length);

static inline shokyo_now time_now(void)
{
    shokyo_now now = {.struct_size = sizeof now};
    shokyo_clock(&now);
    return now;
}

/* Says what went wrong; the words never hold data of a document or a person. */
static inline bool complain(const char *what, shokyo_status status)
{
    if (status != SHOKYO_STATUS_OK) {
        char detail[512] = "";
        shokyo_detail(detail, sizeof detail);
        fprintf(stderr, "%s: %s (%s)\n", what, shokyo_status_text(status), detail);
    }
    return status != SHOKYO_STATUS_OK;
}

/* Ends the program when nothing that follows makes sense. */
static inline void must(const char *what, shokyo_status status)
{
    if (complain(what, status)) {
        exit(EXIT_FAILURE);
    }
}

/* A socket to "host:port", or -1. Where `listening` is set, one that takes connections there. */
static inline int socket_at(const char *address, bool listening)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    struct addrinfo hints, *found = NULL;
    int one = 1, made = -1;
    if (colon == NULL || (size_t)(colon - address) >= sizeof host) {
        return -1;
    }
    memcpy(host, address, (size_t)(colon - address));
    host[colon - address] = '\0';
    memset(&hints, 0, sizeof hints);
    hints.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0) {
        return -1;
    }
    made = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    if (made >= 0) {
        bool well = listening ? setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0
                                    && bind(made, found->ai_addr, found->ai_addrlen) == 0 && listen(made, 8) == 0
                              : connect(made, found->ai_addr, found->ai_addrlen) == 0;
        if (!well || fcntl(made, F_SETFL, O_NONBLOCK) != 0) {
            close(made);
            made = -1;
        }
    }
    freeaddrinfo(found);
    return made;
}

static inline bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Reads what the socket has, and hands every frame over. */
static inline void neighbour_read(neighbour *of, frame_taker *take, void *host)
{
    static uint8_t frame[SHOKYO_MAX_FRAME];
    shokyo_now now = time_now();
    shokyo_link_info info = {.struct_size = sizeof info};
    size_t taken, length;
    if (of->in_at == of->in_end) {
        ssize_t got = recv(of->socket, of->in, sizeof of->in, 0);
        of->in_at = 0;
        of->in_end = got > 0 ? (size_t)got : 0;
        if (got == 0 || (got < 0 && !would_block())) {
            shokyo_link_receive_end(of->link, &now);
        }
    }
    do {
        taken = 0;
        if (of->in_at < of->in_end
            && complain("receiving", shokyo_link_receive(of->link, &now, of->in + of->in_at, of->in_end - of->in_at, &taken))) {
            of->in_at = of->in_end;
        }
        of->in_at += taken;
        if (!of->open && shokyo_link_describe(of->link, &info) == SHOKYO_STATUS_OK && info.state == SHOKYO_LINK_OPEN) {
            of->open = true;
            of->peer = info.peer;
        }
        while (shokyo_link_poll_frame(of->link, &now, frame, sizeof frame, &length) == SHOKYO_STATUS_OK && length > 0) {
            take(host, of->peer, frame, length);
            /* It may be a release. */
            shokyo_wipe(frame, length);
        }
    } while (of->in_at < of->in_end && taken > 0);
}

/* Writes what the link has, as far as the socket takes it. */
static inline void neighbour_write(neighbour *of)
{
    shokyo_now now = time_now();
    for (;;) {
        ssize_t sent;
        if (of->out_at == of->out_end) {
            of->out_at = of->out_end = 0;
            if (shokyo_link_poll_bytes(of->link, &now, of->out, sizeof of->out, &of->out_end) != SHOKYO_STATUS_OK) {
                of->out_end = 0;
            }
            if (of->out_end == 0) {
                return;
            }
        }
        sent = send(of->socket, of->out + of->out_at, of->out_end - of->out_at, MSG_NOSIGNAL);
        if (sent < 0) {
            return;
        }
        of->out_at += (size_t)sent;
    }
}

/* Whether the connection is over, and everything that it still had to say was said. */
static inline bool neighbour_is_over(const neighbour *of)
{
    shokyo_link_info info = {.struct_size = sizeof info};
    return shokyo_link_describe(of->link, &info) != SHOKYO_STATUS_OK || info.state == SHOKYO_LINK_CLOSED
           || info.state == SHOKYO_LINK_FAILED;
}

/* Begins with a connected socket, which is the neighbour's from now on. */
static inline bool neighbour_begin(neighbour *of, int socket, const shokyo_station *station, bool upstream)
{
    shokyo_now now = time_now();
    memset(of, 0, sizeof *of);
    of->socket = socket;
    return !complain("a link", upstream ? shokyo_link_connect(station, &now, &of->link) : shokyo_link_accept(station, &now, &of->link));
}

static inline void neighbour_end(neighbour *of)
{
    shokyo_link_free(of->link);
    close(of->socket);
    of->link = NULL;
    of->socket = -1;
    of->open = false;
}

/* Says goodbye in order, and waits at most a second for the neighbour to do the same. */
static inline void neighbour_close(neighbour *of, frame_taker *take, void *host)
{
    shokyo_now now = time_now();
    uint64_t until = now.monotonic_ms + 1000;
    shokyo_link_close(of->link, &now);
    do {
        struct pollfd socket = {.fd = of->socket, .events = POLLIN};
        neighbour_write(of);
        poll(&socket, 1, 50);
        neighbour_read(of, take, host);
        now = time_now();
    } while (!neighbour_is_over(of) && now.monotonic_ms < until);
    neighbour_end(of);
}

/* Milliseconds until a deadline, at most a second. */
static inline int sooner(int wait, shokyo_status asked, uint64_t deadline, bool is_some)
{
    shokyo_now now = time_now();
    if (asked != SHOKYO_STATUS_OK || !is_some) {
        return wait;
    }
    if (deadline <= now.monotonic_ms) {
        return 0;
    }
    return deadline - now.monotonic_ms < (uint64_t)wait ? (int)(deadline - now.monotonic_ms) : wait;
}

#endif
