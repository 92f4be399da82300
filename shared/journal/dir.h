/*
 * The folder of one partition's journal: who it is (meta), who writes to it (lock), what the store holds of it (acked),
 * whether it has still to be compared with the store (uncompared), and its segments by name. Thin over the file system;
 * owns nothing but what it returns.
 */
#ifndef COUPOND_JOURNAL_DIR_H
#define COUPOND_JOURNAL_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/journal/format.h"

#define JOURNAL_PATH_MAX 512

/* The folder of a partition below issuer/journal_dir: "<base>/p00". */
void journal_partition_dir(const char *base, uint16_t partition, char out[JOURNAL_PATH_MAX]);
/* "<dir>/<first_seq, 20 digits>.segment" */
void journal_segment_path(const char *dir, uint64_t first_seq, char out[JOURNAL_PATH_MAX]);

/* Makes the folder and its parents where they are missing. 0, or -1 and `error`. */
int journal_dir_create(const char *dir, struct error *error);

/* Takes the writer's lock until the descriptor that is returned is closed (fcntl, open file description). -1 and
 * `error` when another has it. */
int journal_dir_lock(const char *dir, struct error *error);
/* True while some issuer has the lock. */
bool journal_dir_is_locked(const char *dir);

/* 0: read and sound; 1: there is none; -1: unreadable, damaged or of another version, see `error`. */
int journal_meta_read(const char *dir, struct journal_meta *meta, struct error *error);
/* A new journal's identity: a random id and key. 0, or -1 and `error`. */
int journal_meta_make(uint16_t partition, uint16_t partitions, struct journal_meta *meta, struct error *error);
/* Writes it into the folder, durably. 0, or -1 and `error`. */
int journal_meta_write(const char *dir, const struct journal_meta *meta, struct error *error);

/* What the store has of the journal; 0 when that is not known, which is always safe. Which store it is goes to
 * `store_id`, unless that is NULL; zeros when that is not known. */
uint64_t journal_acked_read(const char *dir, const uint8_t journal_id[16], uint8_t store_id[16]);
/* True once an issuer has begun to stream the journal. */
bool journal_acked_exists(const char *dir);
/* A descriptor for journal_acked_write(), or -1 and `error`. */
int journal_acked_open(const char *dir, struct error *error);
/* Not synced: an older value only makes the stream repeat itself. 0 or -1 with errno. */
int journal_acked_write(int fd, const uint8_t journal_id[16], const uint8_t store_id[16], uint64_t seq);

/* What was written last, onto the disk. 0, or -1 and `error`. */
int journal_acked_sync(const char *dir, struct error *error);

/* The numbers of the files "<20 digits><suffix>", ascending, 0 left out; free() them. -1 and `error` when the folder
 * cannot be read. */
int journal_numbered_list(const char *dir, const char *suffix, uint64_t **numbers, size_t *count, struct error *error);
/* The first sequences of the segments, as above. */
int journal_segments_list(const char *dir, uint64_t **first_seqs, size_t *count, struct error *error);

/* Writes the file `name` in the folder durably, so that it is there as a whole or not at all. 0, or -1 with errno and
 * `error`. */
int journal_dir_write(const char *dir, const char *name, const void *data, size_t size, struct error *error);

/* fsync of the folder itself, so that new names last; and of the folder that it lies in. 0, or -1 and `error`. */
int journal_dir_sync(const char *dir, struct error *error);
int journal_dir_sync_parent(const char *dir, struct error *error);

#endif
