#include "issuer/member/newcomer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "issuer/member/message.h"
#include "shared/disk.h"
#include "shared/journal/snapshot_format.h"

/* The first record that a segment still has. */
static uint64_t first_seq(const struct member_context *context)
{
    uint64_t *segments, first = 1;
    size_t count;
    struct error error;
    if (journal_segments_list(journal_folder(context->journal), &segments, &count, &error) != 0)
        return 1;
    if (count > 0)
        first = segments[0];
    free(segments);
    return first;
}

void member_newcomer_identify(const struct member_context *context, uint8_t to, uint64_t incarnation)
{
    const struct journal_meta *meta = journal_meta(context->journal);
    struct frame_identity identity = {.created_at_us = meta->created_at_us, .first_seq = first_seq(context)};
    struct frame_member member = member_message(context);
    member.to_incarnation = incarnation;
    memcpy(identity.fingerprint_key, meta->fingerprint_key, sizeof identity.fingerprint_key);
    memcpy(identity.code_key, meta->code_key, sizeof identity.code_key);
    member_links_send(context->links, to, FRAME_MEMBER_IDENTITY, context->incarnation, &member, 1, &identity,
                      sizeof identity);
}

/* 0: there is none. */
static uint64_t newest(const struct member_context *context)
{
    uint64_t *from_seqs;
    size_t count;
    struct error error;
    if (snapshot_list(journal_folder(context->journal), &from_seqs, &count, &error) != 0)
        return 0;
    uint64_t found = count > 0 ? from_seqs[count - 1] : 0;
    free(from_seqs);
    return found;
}

/* The standby has all that is in it. A snapshot that is ahead of that may contain what is never answered. */
static bool is_known(const struct member_context *context, const void *header, size_t size)
{
    struct snapshot_header copy;
    if (size < sizeof copy)
        return false;
    memcpy(&copy, header, sizeof copy);
    return copy.until_seq <= member_role_confirmed_seq(context->role);
}

/* Fills the bytes behind `piece`; its size stays 0 when the snapshot is not there. Returns how many. */
static size_t read_piece(const struct member_context *context, struct frame_piece *piece, unsigned char *bytes)
{
    char path[JOURNAL_PATH_MAX];
    snapshot_path(journal_folder(context->journal), piece->from_seq, path);
    int fd = piece->from_seq == 0 ? -1 : disk->open(path, O_RDONLY);
    int64_t size = fd < 0 ? -1 : disk->size(fd);
    ssize_t got = -1;
    if (size > 0 && piece->offset < (uint64_t)size)
        got = disk->pread(fd, bytes, FRAME_PIECE_MAX, (off_t)piece->offset);
    if (fd >= 0)
        disk->close(fd);
    if (got <= 0 || (piece->offset == 0 && !is_known(context, bytes, (size_t)got)))
        return 0;
    piece->size = (uint64_t)size;
    return (size_t)got;
}

void member_newcomer_serve(const struct member_context *context, uint8_t to, uint64_t incarnation, const void *fetch)
{
    struct frame_fetch wanted;
    struct frame_member member = member_message(context);
    unsigned char *room = malloc(sizeof(struct frame_piece) + FRAME_PIECE_MAX);
    CHECK(room != NULL);
    memcpy(&wanted, fetch, sizeof wanted);
    struct frame_piece piece = {.from_seq = wanted.from_seq == 0 ? newest(context) : wanted.from_seq,
                                .offset = wanted.offset};
    size_t bytes = read_piece(context, &piece, room + sizeof piece);
    memcpy(room, &piece, sizeof piece);
    member.to_incarnation = incarnation;
    member_links_send(context->links, to, FRAME_MEMBER_PIECE, context->incarnation, &member, (uint32_t)bytes, room,
                      sizeof piece + bytes);
    free(room);
}
