/*
 * A member's connections to the others, for the frames of one partition: a DEALER for each, to the ROUTER on which that
 * member also takes the requests of gateways. It only sends here; what others say arrives at its own ROUTER. Owned by
 * the partition's thread; never blocks.
 */
#ifndef COUPOND_MEMBER_LINKS_H
#define COUPOND_MEMBER_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/members.h"
#include "shared/wire/frame.h"
#include "shared/wire/frame_member.h"

struct member_links;

/* `requests` is issuer/requests. -1 and `error` when an endpoint is invalid. `members` is borrowed. */
int member_links_create(const struct members *members, uint8_t self, const char *requests, uint16_t partition,
                        uint16_t partitions, struct member_links **links, struct error *error);
void member_links_destroy(struct member_links **links);

/*
 * Sends a frame of `kind` with `count` records: `member`, then `more_bytes` bytes of `more`. `incarnation` is that of
 * this start. False when the other is not connected or does not read: nothing was sent.
 */
bool member_links_send(struct member_links *links, uint8_t to, enum frame_kind kind, uint64_t incarnation,
                       const struct frame_member *member, uint32_t count, const void *more, size_t more_bytes);
/* Call a few times a second: logs what is refused, and connects again. */
void member_links_tick(struct member_links *links, int64_t now_ms);
/* True once after the connection to a member has ended and its machine has refused another one: its process is gone. A
 * machine that is gone refuses nothing. Call often; `now_us` is monotonic. */
bool member_links_take_refusal(struct member_links *links, uint8_t to, int64_t now_us);
/* The other has been silent for long: its connection may be one that a network has forgotten. */
void member_links_renew(struct member_links *links, uint8_t to);

#endif
