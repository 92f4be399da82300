/*
 * Internal to the simulated disk: files and names, and what a loss of power leaves of them.
 */
#ifndef COUPOND_SIM_DISK_FILES_H
#define COUPOND_SIM_DISK_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim_random.h"

#define SIM_SECTOR    512
#define SIM_FILES_MAX 4096
#define SIM_NAMES_MAX 256
#define SIM_PATH_MAX  128

/* A write that is only in the page cache. */
struct sim_write {
    size_t offset;
    size_t length;
    unsigned char *bytes; /* NULL: the file was truncated to 0, and earlier writes are void */
};

struct sim_file {
    bool is_dir;
    unsigned char *cached; /* does not move while the file is mapped */
    unsigned char *durable;
    size_t capacity;
    size_t size;
    size_t durable_size;
    size_t allocated;
    struct sim_write *writes; /* in order */
    size_t writes_count, writes_room;
    unsigned maps;
    bool locked;
    /* journal batches found in the durable bytes so far */
    size_t scanned;
    uint64_t scanned_next_seq;
};

struct sim_name {
    char path[SIM_PATH_MAX];
    struct sim_file *file;
};

struct sim_names {
    struct sim_name entries[SIM_NAMES_MAX];
    size_t count;
};

/* The change of one name, or of two in one folder: a rename. */
struct sim_name_change {
    char removed[SIM_PATH_MAX]; /* "": none */
    char added[SIM_PATH_MAX];   /* "": none */
    struct sim_file *file;
};

struct sim_files {
    struct sim_file *all[SIM_FILES_MAX];
    size_t count;
    struct sim_names cached;
    struct sim_names durable;
    struct sim_name_change *changes; /* not synced yet, in order */
    size_t changes_count, changes_room;
};

void sim_files_clear(struct sim_files *files);

struct sim_file *sim_names_find(const struct sim_names *names, const char *path);
/* True when `path` is directly in the folder `dir`. */
bool sim_path_in(const char *path, const char *dir);

struct sim_file *sim_files_create(struct sim_files *files, const char *path, bool is_dir);
/* Either may be NULL. `file` gets the name `added`, replacing the file that had it. */
void sim_files_rename(struct sim_files *files, const char *removed, const char *added, struct sim_file *file);
/* Makes the names in `dir` durable. */
void sim_files_sync_dir(struct sim_files *files, const char *dir);

void sim_file_reserve(struct sim_file *file, size_t size);
void sim_file_write(struct sim_file *file, const void *bytes, size_t length, size_t offset);
void sim_file_truncate(struct sim_file *file);
/* Makes the content of the page cache durable. */
void sim_file_sync(struct sim_file *file);

/* The sync failed: some of it is durable, and the page cache considers all of it clean. */
void sim_file_fail_sync(struct sim_file *file, struct sim_random *random);

/* Both count the losses. */
void sim_file_lose_power(struct sim_file *file, struct sim_random *random, uint64_t *torn);
void sim_files_lose_names(struct sim_files *files, struct sim_random *random, uint64_t *lost);

/* As sim_disk_damage_snapshot(). */
bool sim_files_damage_snapshot(struct sim_files *files, const char *dir, struct sim_random *random);
/* As sim_disk_durable_seq(). */
uint64_t sim_files_durable_seq(struct sim_files *files, const char *dir);

#endif
