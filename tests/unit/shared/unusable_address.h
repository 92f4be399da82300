/*
 * Puts an address that this machine does not have before those that a name stands for. Link with
 * -Wl,--wrap=getaddrinfo.
 */
#ifndef COUPOND_UNUSABLE_ADDRESS_H
#define COUPOND_UNUSABLE_ADDRESS_H

#include <stdbool.h>

extern bool unusable_address_first; /* for the calls from now on */

#endif
