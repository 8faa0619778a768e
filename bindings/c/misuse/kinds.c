/*
 * What is expected of a call, and one call of each kind of handle: for main.c and stations.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "misuse.h"

int failures;

void expect(const char *what, shokyo_status found, shokyo_status wanted)
{
    char detail[256] = "";
    if (found == wanted) {
        return;
    }
    shokyo_detail(detail, sizeof detail);
    fprintf(stderr, "%s: status %d instead of %d: %s (%s)\n", what, (int)found, (int)wanted, shokyo_status_text(found), detail);
    failures++;
}

void require(const char *what, bool holds)
{
    if (!holds) {
        fprintf(stderr, "%s: does not hold\n", what);
        failures++;
    }
}

/* Without these, nothing that follows makes sense. */
void must(const char *what, shokyo_status found)
{
    expect(what, found, SHOKYO_STATUS_OK);
    if (found != SHOKYO_STATUS_OK) {
        exit(EXIT_FAILURE);
    }
}

/* Frees a value as an object of each kind in turn. */
shokyo_status free_as(int kind, void *handle)
{
    switch (kind) {
    case 0: return shokyo_vault_free(handle);
    case 1: return shokyo_writer_free(handle);
    case 2: return shokyo_buffer_free(handle);
    case 3: return shokyo_erasure_free(handle);
    case 4: return shokyo_station_free(handle);
    case 5: return shokyo_link_free(handle);
    case 6: return shokyo_kiosk_free(handle);
    case 7: return shokyo_copy_free(handle);
    case 8: return shokyo_customer_free(handle);
    case 9: return shokyo_outbox_free(handle);
    case 10: return shokyo_issuer_free(handle);
    case 11: return shokyo_relay_free(handle);
    case 12: return shokyo_receipt_free(handle);
    default: return shokyo_store_free(handle);
    }
}

/* One call of each kind that takes a handle of the kind, everything else being right. */
shokyo_status use_as(int kind, void *handle)
{
    shokyo_now now = {.struct_size = sizeof now, .monotonic_ms = 1, .unix_ms = 1};
    shokyo_station_info station = {.struct_size = sizeof station};
    shokyo_link_info link = {.struct_size = sizeof link};
    shokyo_customer_info customer = {.struct_size = sizeof customer};
    shokyo_receipt_info receipt = {.struct_size = sizeof receipt};
    shokyo_store_counts counts = {.struct_size = sizeof counts};
    uint8_t bytes[64] = {0};
    uint64_t number = 0;
    uint32_t flags = 0;
    size_t count = 0;
    bool yes = false;
    switch (kind) {
    case 0: return shokyo_vault_protections(handle, &flags);
    case 1: return shokyo_writer_write(handle, bytes, sizeof bytes);
    case 2: return shokyo_buffer_length(handle, &number);
    case 3: return shokyo_erasure_verified(handle, &yes);
    case 4: return shokyo_station_describe(handle, &station);
    case 5: return shokyo_link_describe(handle, &link);
    case 6: return shokyo_kiosk_handle_timeout(handle, &now);
    case 7: return shokyo_copy_erase(handle, bytes, sizeof bytes);
    case 8: return shokyo_customer_describe(handle, &customer);
    case 9: return shokyo_outbox_handle_timeout(handle, &now);
    case 10: return shokyo_issuer_open_sessions(handle, &count);
    case 11: return shokyo_relay_open_sessions(handle, &count);
    case 12: return shokyo_receipt_describe(handle, &receipt);
    default: return shokyo_store_count(handle, &counts);
    }
}

/* A value that is no handle of the kind is refused by every kind, and stays what it is. */
void refused_as(const char *what, void *value, int own_kind)
{
    for (int kind = 0; kind < KINDS; kind++) {
        if (kind != own_kind) {
            expect(what, use_as(kind, value), SHOKYO_STATUS_INVALID_HANDLE);
            expect(what, free_as(kind, value), SHOKYO_STATUS_INVALID_HANDLE);
        }
    }
}
