/*
 * A snapshot's bytes. With any bytes, loading ends; a loaded ledger is written as the same snapshot and loads again;
 * and lookups and decisions work on it, also when its tables are full.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/snapshot/file.h"
#include "issuer/snapshot/load.h"
#include "journal_input.h"
#include "snapshot_fix.h"

#define FROM_SEQ     7
#define COUPONS_MAX  8 /* that are looked up */
#define USERS_ASKED  4
#define IMAGE_MAX    (1u << 20)
#define GIVEN_USERS  20 /* in the seeds; enough for a table to grow */
#define NEVER_ENDING INT64_C(1000000)

static struct journal_meta meta;

void fuzz_begin(void)
{
    journal_input_meta(&meta);
}

/* --- from a ledger to bytes --- */

struct image {
    unsigned char *bytes; /* IMAGE_MAX */
    size_t size;
    struct snapshot_header header;
};

/* Writes the ledger as a snapshot. False when it is larger than an image. */
static bool image_of(struct image *image, const struct ledger *ledger, const struct snapshot_header *like)
{
    struct ledger_cursor cursor = {0};
    image->header = *like;
    image->header.coupons = image->header.users = 0;
    image->size = sizeof image->header;
    struct ledger_piece piece;
    while (ledger_cursor_next(ledger, &cursor, &piece)) {
        if (image->size + snapshot_piece_bytes(&piece) > IMAGE_MAX)
            return false;
        image->size += snapshot_encode(image->bytes + image->size, &piece, meta.journal_id);
        image->header.coupons += piece.coupon != NULL;
        image->header.users += piece.users.count;
    }
    image->header.bytes = image->size;
    image->header.checksum = journal_checksum(&image->header, sizeof image->header);
    memcpy(image->bytes, &image->header, sizeof image->header);
    return true;
}

static struct image *image_create(void)
{
    struct image *image = malloc(sizeof *image);
    CHECK(image != NULL);
    image->bytes = malloc(IMAGE_MAX);
    CHECK(image->bytes != NULL);
    return image;
}

/* Allocated once, since it is large. */
static struct image *image_at_hand(unsigned which)
{
    static struct image *images[2];
    if (images[which] == NULL)
        images[which] = image_create();
    return images[which];
}

/* --- seeds --- */

static void give(struct ledger *ledger, const char *coupon_id, uint32_t users, int64_t now_us)
{
    for (uint32_t i = 0; i < users; i++) {
        char user[16];
        struct ledger_decision decision;
        struct ledger_command command = {.op = ISSUE_POST,
                                         .coupon_id = coupon_id,
                                         .coupon_id_length = strlen(coupon_id),
                                         .user_id = user,
                                         .user_id_length = (size_t)snprintf(user, sizeof user, "u%u", i)};
        ledger_prepare(ledger, &command, 1);
        ledger_decide_issue(ledger, &command, now_us, &decision);
        if (decision.verdict == VERDICT_ISSUED)
            ledger_apply_issue(&command, &decision);
    }
}

static void add_coupon(struct ledger *ledger, const char *id, uint32_t quantity)
{
    struct coupon coupon = {.title = "t",
                            .quantity = quantity,
                            .per_user_limit = 2,
                            .starts_at_us = TIME_NONE,
                            .ends_at_us = TIME_NONE,
                            .redeem_until_us = TIME_NONE};
    snprintf(coupon.id, sizeof coupon.id, "%s", id);
    coupon.journal_seq = 1;
    ledger_apply_coupon(ledger, &coupon);
}

static void add_seed(const struct ledger *ledger, unsigned flags)
{
    struct snapshot_header header = {.version = SNAPSHOT_VERSION, .from_seq = FROM_SEQ, .until_seq = 9, .time_us = 5};
    struct image *image = image_at_hand(0);
    memcpy(header.magic, SNAPSHOT_MAGIC, sizeof header.magic);
    memcpy(header.journal_id, meta.journal_id, sizeof header.journal_id);
    header.partitions = 1;
    CHECK(image_of(image, ledger, &header));
    unsigned char *seed = malloc(image->size + 1);
    CHECK(seed != NULL);
    seed[0] = (unsigned char)flags;
    memcpy(seed + 1, image->bytes, image->size);
    fuzz_seed(seed, image->size + 1);
    free(seed);
}

void fuzz_seeds(void)
{
    struct ledger *ledger = ledger_create(meta.fingerprint_key);
    add_seed(ledger, SNAPSHOT_FIX_ALL);
    add_coupon(ledger, "A", 3);
    add_seed(ledger, SNAPSHOT_FIX_ALL);
    give(ledger, "A", 5, 3);
    add_coupon(ledger, "B", 1000);
    give(ledger, "B", GIVEN_USERS, 4);
    add_seed(ledger, SNAPSHOT_FIX_ALL);
    add_seed(ledger, 0);
    ledger_destroy(&ledger);
}

/* --- what must hold --- */

static const char *load(struct ledger *ledger, const void *bytes, size_t size, struct snapshot_header *header)
{
    size_t offset = 0;
    const char *wrong = snapshot_load_bytes(bytes, size, FROM_SEQ, &meta, ledger, header, &offset, NULL, NULL);
    CHECK(offset <= size);
    return wrong;
}

/* The snapshot of a loaded ledger must load and be written identically. */
static void check_again(const struct ledger *ledger, const struct snapshot_header *header)
{
    struct image *first = image_at_hand(0), *second = image_at_hand(1);
    struct snapshot_header again;
    struct ledger *copy = ledger_create(meta.fingerprint_key);
    if (image_of(first, ledger, header)) {
        CHECK(first->header.coupons == header->coupons && first->header.users == header->users);
        CHECK(load(copy, first->bytes, first->size, &again) == NULL);
        CHECK(image_of(second, copy, &again));
        CHECK(first->size == second->size && memcmp(first->bytes, second->bytes, first->size) == 0);
    }
    ledger_destroy(&copy);
}

/* With full user tables, lookups and insertions must still end. */
static void check_usable(struct ledger *ledger)
{
    const struct ledger_coupon *coupons[COUPONS_MAX];
    char ids[COUPONS_MAX][COUPON_ID_MAX + 1];
    size_t count = ledger_list(ledger, "", COUPONS_MAX, coupons);
    for (size_t i = 0; i < count; i++) {
        CHECK(coupon_id_valid(coupons[i]->id, strlen(coupons[i]->id)));
        struct coupon coupon;
        ledger_coupon_read(coupons[i], &coupon);
        CHECK(title_valid(coupon.title, strlen(coupon.title)));
        strcpy(ids[i], coupons[i]->id);
    }
    for (size_t i = 0; i < count; i++)
        give(ledger, ids[i], USERS_ASKED, NEVER_ENDING);
}

void fuzz_one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    unsigned flags = fuzz_take_byte(&input);
    unsigned char *bytes = fuzz_copy(input.at, input.left); /* allocated by malloc(), so 8-byte aligned like a map */
    struct ledger *ledger = ledger_create(meta.fingerprint_key);
    snapshot_fix(flags, &meta, bytes, input.left, FROM_SEQ);
    struct snapshot_header header;
    if (load(ledger, bytes, input.left, &header) == NULL) {
        check_again(ledger, &header);
        if (ledger_check(ledger) == NULL)
            check_usable(ledger);
    }
    ledger_destroy(&ledger);
    free(bytes);
}
