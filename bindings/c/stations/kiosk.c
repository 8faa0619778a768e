/*
 * A whole kiosk: one customer, from the card in the reader to the paper in the hand, over a real connection.
 *
 *   kiosk CONFIGURATION OPERATOR ISSUER KIND [ADDRESS] <subject >document
 *
 * The holder of the card is read from standard input, and the document goes through windows to standard output, which stands for the
 * printer. Reader, terminal, printer, tray and attendant are played by this program: each reports at once. Exits with 0 when the document is
 * delivered and erased, and every receipt is with the issuing system.
 */
#define _POSIX_C_SOURCE 200809L

#include "neighbour.h"

#include <signal.h>

/* The kiosk and what it is doing. */
typedef struct kiosk_host {
    const char *operator_name, *issuer, *kind;
    uint8_t subject[64];
    size_t subject_length;
    shokyo_station *station;
    shokyo_customer *customer;
    shokyo_kiosk *transaction;
    shokyo_outbox *outbox;
    neighbour upstream;
    bool delivered, finished;
    uint32_t outcome;
} kiosk_host;

/* The printer takes a piece of the document. It goes from the window to the pipe and nowhere else: no buffer of stdio's. */
static int32_t print_piece(void *user_data, uint64_t offset, const uint8_t *plain, size_t length)
{
    (void)user_data;
    (void)offset;
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, plain, length);
        if (written < 0 && errno != EINTR) {
            return 1;
        }
        if (written > 0) {
            plain += written;
            length -= (size_t)written;
        }
    }
    return 0;
}

static void report(kiosk_host *host, uint32_t device)
{
    shokyo_now now = time_now();
    complain("a device", shokyo_customer_handle_device(host->customer, &now, device));
}

static void apply(kiosk_host *host)
{
    shokyo_now now = time_now();
    shokyo_application application = {
        .struct_size = sizeof application,
        .copies = 1,
        .operator_name = host->operator_name,
        .issuer = host->issuer,
        .document_kind = host->kind,
        .subject = host->subject,
        .subject_length = host->subject_length,
    };
    if (complain("applying", shokyo_kiosk_apply(host->station, &now, &application, &host->transaction))) {
        shokyo_customer_handle_apply_failed(host->customer, &now);
    }
    /* What was read from the card is sealed now, or of no use. */
    shokyo_wipe(host->subject, sizeof host->subject);
}

static void print_document(kiosk_host *host)
{
    shokyo_now now = time_now();
    shokyo_status printed = shokyo_kiosk_for_each_window(host->transaction, &now, print_piece, NULL);
    report(host, complain("printing", printed) ? SHOKYO_DEVICE_JAM : SHOKYO_DEVICE_PRINTED);
}

/* Does what the customer's session says. */
static void obey(kiosk_host *host, const shokyo_customer_event *event)
{
    shokyo_now now = time_now();
    switch (event->kind) {
    case SHOKYO_CUSTOMER_EVENT_APPLY:
        apply(host);
        break;
    case SHOKYO_CUSTOMER_EVENT_HOLD_PAYMENT:
        complain("the terminal", shokyo_customer_handle_payment(host->customer, &now, SHOKYO_PAYMENT_HELD));
        break;
    case SHOKYO_CUSTOMER_EVENT_ASK_TO_PRINT:
        complain("asking to print", shokyo_kiosk_print(host->transaction, &now));
        break;
    case SHOKYO_CUSTOMER_EVENT_CAPTURE_PAYMENT:
        complain("the terminal", shokyo_customer_handle_payment(host->customer, &now, SHOKYO_PAYMENT_CAPTURED));
        break;
    case SHOKYO_CUSTOMER_EVENT_PRINT:
        print_document(host);
        break;
    case SHOKYO_CUSTOMER_EVENT_ERASE:
        shokyo_wipe(host->subject, sizeof host->subject);
        if (host->transaction == NULL) {
            break;
        }
        if (event->cause != SHOKYO_CAUSE_DELIVERED) {
            complain("cancelling", shokyo_kiosk_cancel(host->transaction, &now, event->cause));
        } else if (!complain("delivering", shokyo_kiosk_delivered(host->transaction, &now))) {
            report(host, SHOKYO_DEVICE_PAPER_TAKEN);
        }
        break;
    case SHOKYO_CUSTOMER_EVENT_WARN:
        fprintf(stderr, "warning: %s\n",
                event->about == SHOKYO_WARNING_CREDENTIAL ? "take your card"
                : event->about == SHOKYO_WARNING_PAPER    ? "take your certificate"
                                                          : "please wait for the attendant");
        if (event->about == SHOKYO_WARNING_ATTENDANT) {
            /* Who comes, sees to the printer, and says so. */
            (void)shokyo_customer_acknowledge(host->customer, &now);
        }
        break;
    case SHOKYO_CUSTOMER_EVENT_FINISHED:
        host->finished = true;
        host->delivered = event->delivered == 1;
        break;
    default:
        break;
    }
}

/* Steps 2 to 4 of the header's loop, until nothing moves. */
static void settle(kiosk_host *host)
{
    static uint8_t frame[SHOKYO_MAX_FRAME];
    bool moved = true;
    while (moved) {
        shokyo_now now = time_now();
        shokyo_customer_event order = {.struct_size = sizeof order};
        shokyo_event event = {.struct_size = sizeof event};
        size_t length = 0;
        moved = false;
        complain("alarms", shokyo_customer_store_records(host->customer, &now));
        complain("acknowledgements", shokyo_outbox_store_records(host->outbox, &now));
        if (host->transaction != NULL) {
            complain("records", shokyo_kiosk_store_records(host->transaction, &now));
            while (shokyo_kiosk_poll_event(host->transaction, &event) == SHOKYO_STATUS_OK && event.kind != SHOKYO_EVENT_NONE) {
                moved = true;
                /* When the customer's session is over, these are about receipts alone. */
                (void)shokyo_customer_handle_kiosk(host->customer, &now, &event);
                if (event.kind == SHOKYO_EVENT_ERASED) {
                    fprintf(stderr, "erased, %s\n", event.verified == 1 ? "and read back" : "NOT VERIFIED");
                }
                if (event.kind == SHOKYO_EVENT_FINISHED) {
                    host->outcome = event.outcome;
                }
            }
        }
        while (shokyo_customer_poll_event(host->customer, &order) == SHOKYO_STATUS_OK
               && order.kind != SHOKYO_CUSTOMER_EVENT_NONE) {
            moved = true;
            obey(host, &order);
        }
        if (!host->upstream.open) {
            continue;
        }
        while (host->transaction != NULL
               && shokyo_kiosk_poll_frame(host->transaction, frame, sizeof frame, &length) == SHOKYO_STATUS_OK && length > 0) {
            moved = true;
            complain("sending", shokyo_link_send_frame(host->upstream.link, &now, frame, length));
        }
        while (shokyo_outbox_poll_frame(host->outbox, frame, sizeof frame, &length) == SHOKYO_STATUS_OK && length > 0) {
            moved = true;
            complain("sending", shokyo_link_send_frame(host->upstream.link, &now, frame, length));
        }
    }
}

static void take(void *user_data, uint64_t peer, const uint8_t *frame, size_t length)
{
    kiosk_host *host = user_data;
    shokyo_now now = time_now();
    bool taken = false;
    (void)peer;
    if (!complain("an answer", shokyo_outbox_handle_frame(host->outbox, &now, frame, length, &taken)) && !taken
        && host->transaction != NULL) {
        complain("a frame", shokyo_kiosk_handle_frame(host->transaction, &now, frame, length));
    }
    settle(host);
}

/* Nothing that comes now is for anybody. */
static void pass_over(void *user_data, uint64_t peer, const uint8_t *frame, size_t length)
{
    (void)user_data;
    (void)peer;
    (void)frame;
    (void)length;
}

static int wait_for(const kiosk_host *host)
{
    uint64_t at = 0;
    bool is_some = false;
    int wait = sooner(1000, shokyo_customer_next_deadline(host->customer, &at, &is_some), at, is_some);
    wait = sooner(wait, shokyo_link_next_deadline(host->upstream.link, &at, &is_some), at, is_some);
    wait = sooner(wait, shokyo_outbox_next_deadline(host->outbox, &at, &is_some), at, is_some);
    if (host->transaction != NULL) {
        wait = sooner(wait, shokyo_kiosk_next_deadline(host->transaction, &at, &is_some), at, is_some);
    }
    return wait;
}

/* Serves one customer; whether the loop came to its end with the connection alive. */
static bool serve(kiosk_host *host)
{
    for (;;) {
        shokyo_now now;
        bool over = true;
        struct pollfd socket = {.fd = host->upstream.socket, .events = POLLIN};
        neighbour_write(&host->upstream);
        if (host->upstream.out_at < host->upstream.out_end) {
            socket.events |= POLLOUT;
        }
        poll(&socket, 1, wait_for(host));
        neighbour_read(&host->upstream, take, host);
        now = time_now();
        complain("the link", shokyo_link_handle_timeout(host->upstream.link, &now));
        shokyo_customer_handle_timeout(host->customer, &now);
        shokyo_outbox_handle_timeout(host->outbox, &now);
        if (host->transaction != NULL) {
            shokyo_kiosk_handle_timeout(host->transaction, &now);
        }
        if (neighbour_is_over(&host->upstream)) {
            if (host->transaction != NULL) {
                shokyo_kiosk_handle_peer_lost(host->transaction, &now);
                shokyo_kiosk_cancel(host->transaction, &now, SHOKYO_CAUSE_PEER_LOST);
            }
            settle(host);
            return false;
        }
        settle(host);
        if (host->transaction != NULL) {
            must("the transaction", shokyo_kiosk_is_finished(host->transaction, &over));
        }
        if (host->finished && over) {
            return true;
        }
    }
}

int main(int count, char **arguments)
{
    static kiosk_host host;
    char address[256] = "";
    size_t length = 0;
    shokyo_now now = time_now();
    bool served;
    int upstream;
    ssize_t subject;
    if (count < 5) {
        fprintf(stderr, "usage: %s CONFIGURATION OPERATOR ISSUER KIND [ADDRESS] <subject >document\n", arguments[0]);
        return EXIT_FAILURE;
    }
    host.operator_name = arguments[2];
    host.issuer = arguments[3];
    host.kind = arguments[4];
    /* A printer that is gone is a jam, and not the end of the kiosk. */
    signal(SIGPIPE, SIG_IGN);
    shokyo_erase_on_exit();
    must("the station", shokyo_station_open(arguments[1], NULL, &host.station));
    must("the address", shokyo_station_address(host.station, SHOKYO_ADDRESS_UPSTREAM, address, sizeof address, &length));
    upstream = socket_at(count > 5 ? arguments[5] : address, false);
    if (upstream < 0 || !neighbour_begin(&host.upstream, upstream, host.station, true)) {
        fprintf(stderr, "no connection to the neighbour\n");
        return EXIT_FAILURE;
    }
    must("the outbox", shokyo_outbox_new(host.station, &host.outbox));

    /* The card is put in and read; the customer chooses, and takes the card out. */
    must("the customer", shokyo_customer_begin(host.station, &now, NULL, SHOKYO_CREDENTIAL_CARD, &host.customer));
    subject = read(STDIN_FILENO, host.subject, sizeof host.subject);
    host.subject_length = subject > 0 ? (size_t)subject : 0;
    must("the card", shokyo_customer_handle_authentication(host.customer, &now, subject > 0 ? 1 : 0));
    if (subject > 0) {
        must("the choice", shokyo_customer_choose(host.customer, &now));
    }
    report(&host, SHOKYO_DEVICE_CARD_REMOVED);
    settle(&host);

    served = serve(&host);
    shokyo_outbox_free(host.outbox);
    shokyo_kiosk_free(host.transaction);
    shokyo_customer_free(host.customer);
    if (served) {
        neighbour_close(&host.upstream, pass_over, NULL);
    } else {
        neighbour_end(&host.upstream);
    }
    shokyo_station_free(host.station);
    return served && host.delivered && host.outcome == SHOKYO_OUTCOME_COMPLETE ? EXIT_SUCCESS : EXIT_FAILURE;
}
