/*
 * Addresses as options spell them. Pure.
 */
#ifndef COUPOND_ADDRESS_H
#define COUPOND_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Splits "HOST:PORT" or "[V6]:PORT"; false for anything else. */
bool address_split(const char *address, char *host, size_t host_size, uint16_t *port);

#endif
