/*
 * The folder of one partition's journal: its identity (meta), its writer's lock (lock), what the store has acknowledged
 * (acked), and its segments by name. A thin layer over the file system; owns only what it returns.
 */
#ifndef COUPOND_JOURNAL_DIR_H
#define COUPOND_JOURNAL_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/error.h"
#include "shared/journal/format.h"

#define JOURNAL_PATH_MAX 512

/* The folder of a partition in issuer/journal_dir: "<base>/p00". */
void journal_partition_dir(const char *base, uint16_t partition, char out[JOURNAL_PATH_MAX]);
/* "<dir>/<first_seq, 20 digits>.segment" */
void journal_segment_path(const char *dir, uint64_t first_seq, char out[JOURNAL_PATH_MAX]);

/* Creates the folder and its parents if they are missing. 0, or -1 and `error`. */
int journal_dir_create(const char *dir, struct error *error);

/* Takes the writer's lock and holds it until the returned descriptor is closed (fcntl, open file description). -1 and
 * `error` when another process holds it. */
int journal_dir_lock(const char *dir, struct error *error);
/* True while an issuer holds the lock. */
bool journal_dir_is_locked(const char *dir);

enum journal_meta_state {
    JOURNAL_META_SOUND = 0,
    JOURNAL_META_MISSING = 1,
    JOURNAL_META_UNREADABLE = -1, /* the system refused to read it, which says nothing about its bytes */
    JOURNAL_META_DAMAGED = -2,    /* or of another version */
};

/* Fills `meta` when it is sound, and `error` when it is unreadable or damaged. */
enum journal_meta_state journal_meta_read(const char *dir, struct journal_meta *meta, struct error *error);
/* 0, or -1 and `error` when the journal in `dir` was created with another number of partitions. */
int journal_meta_check_partitions(const struct journal_meta *meta, const char *dir, uint16_t partitions,
                                  struct error *error);
/* Creates a new journal's identity: a random id and key. 0, or -1 and `error`. */
int journal_meta_make(uint16_t partition, uint16_t partitions, struct journal_meta *meta, struct error *error);
/* Turns the identity of a journal of an older version into one of JOURNAL_VERSION, durably; id and keys stay. 0, or -1
 * and `error`. */
int journal_meta_upgrade(const char *dir, struct journal_meta *meta, struct error *error);
/* Writes it to the folder, durably. 0, or -1 and `error`. */
int journal_meta_write(const char *dir, const struct journal_meta *meta, struct error *error);

/* The last record that the store has acknowledged; 0 when unknown, which is always safe. Sets `store_id`, which may be
 * NULL, to the store's id, or to zeros when unknown. */
uint64_t journal_acked_read(const char *dir, const uint8_t journal_id[16], uint8_t store_id[16]);
/* True once an issuer has started to stream the journal. */
bool journal_acked_exists(const char *dir);
/* A descriptor for journal_acked_write(), or -1 and `error`. */
int journal_acked_open(const char *dir, struct error *error);
/* Not synced: an older value only makes the stream resend. 0 or -1 with errno. */
int journal_acked_write(int fd, const uint8_t journal_id[16], const uint8_t store_id[16], uint64_t seq);

/* Syncs the last value written. 0, or -1 and `error`. */
int journal_acked_sync(const char *dir, struct error *error);

/* The numbers of the files "<20 digits><suffix>", ascending, without 0. The caller frees them. -1 and `error` when the
 * folder cannot be read. */
int journal_numbered_list(const char *dir, const char *suffix, uint64_t **numbers, size_t *count, struct error *error);
/* The first sequences of the segments, as above. */
int journal_segments_list(const char *dir, uint64_t **first_seqs, size_t *count, struct error *error);

/* Writes the file `name` into the folder atomically and durably. 0, or -1 with errno and `error`. */
int journal_dir_write(const char *dir, const char *name, const void *data, size_t size, struct error *error);

/* Syncs the folder, which makes new names durable, and the folder that contains it. 0, or -1 and `error`. */
int journal_dir_sync(const char *dir, struct error *error);
int journal_dir_sync_parent(const char *dir, struct error *error);

#endif
