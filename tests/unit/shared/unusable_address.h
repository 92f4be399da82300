/*
 * Prepends an address that this machine does not have to those of a name. Link with -Wl,--wrap=getaddrinfo.
 */
#ifndef COUPOND_UNUSABLE_ADDRESS_H
#define COUPOND_UNUSABLE_ADDRESS_H

#include <stdbool.h>

extern bool unusable_address_first; /* for all calls from now on */

#endif
