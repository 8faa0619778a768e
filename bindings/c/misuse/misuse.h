/*
 * What the files of the program misuse have in common.
 */
#ifndef SHOKYO_MISUSE_H
#define SHOKYO_MISUSE_H

#include "shokyo.h"

/* The kinds of handles, in the order of free_as and use_as. */
enum kind { VAULT, WRITER, BUFFER, ERASURE, STATION, LINK, KIOSK, COPY, CUSTOMER, OUTBOX, ISSUER, RELAY, RECEIPT, STORE, KINDS };

extern int failures;

/* Counts an answer that is not the expected one, and says which. */
void expect(const char *what, shokyo_status found, shokyo_status wanted);
void require(const char *what, bool holds);
/* Without these, nothing that follows makes sense. */
void must(const char *what, shokyo_status found);
/* Frees a value as an object of a kind. */
shokyo_status free_as(int kind, void *handle);
/* A call that takes a handle of a kind, everything else being right. */
shokyo_status use_as(int kind, void *handle);
/* A value that is no handle of another kind than its own is refused by every other, and stays what it is. */
void refused_as(const char *what, void *value, int own_kind);

/* Whole stations, in stations.c. */
void live_stations(const char *folder);

#endif
