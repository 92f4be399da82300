/*
 * Addresses as options spell them: endpoints of ZeroMQ and shared memory, and HOST:PORT. Pure; no other file parses
 * them (redis_url.h has the URLs of Redis).
 *
 *   tcp://HOST:PORT   ipc://PATH   inproc://NAME   shm://PATH
 */
#ifndef COUPOND_ENDPOINT_H
#define COUPOND_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits, so that several can be allowed at once. */
enum endpoint_transport {
    ENDPOINT_NONE = 0, /* not an endpoint */
    ENDPOINT_TCP = 1 << 0,
    ENDPOINT_IPC = 1 << 1,
    ENDPOINT_INPROC = 1 << 2,
    ENDPOINT_SHM = 1 << 3,
    ENDPOINT_ZEROMQ = ENDPOINT_TCP | ENDPOINT_IPC | ENDPOINT_INPROC,
    ENDPOINT_ANY = ENDPOINT_ZEROMQ | ENDPOINT_SHM,
};

/* ENDPOINT_NONE also when nothing follows the scheme. Does not check HOST:PORT. */
enum endpoint_transport endpoint_transport(const char *endpoint);
/* The part after the scheme: HOST:PORT, path or name; the whole text when it has no scheme. Points into `endpoint`. */
const char *endpoint_address(const char *endpoint);
/* Splits HOST:PORT or [IPV6]:PORT; false when `address` is neither, or the host does not fit. */
bool endpoint_split(const char *address, char *host, size_t host_size, uint16_t *port);
/* True for tcp:// with an IPv6 address in brackets. */
bool endpoint_is_ipv6(const char *endpoint);
/* True for tcp:// that other machines may reach. */
bool endpoint_is_remote(const char *endpoint);

/* The endpoint of one partition: tcp://HOST:PORT gets PORT + partition, all others the suffix "-<partition>". False
 * when `base` is no endpoint, the port exceeds 65535, or `out` is too small. */
bool endpoint_of_partition(const char *base, uint16_t partition, char *out, size_t size);

#endif
