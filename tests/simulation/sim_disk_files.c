#include "sim_disk_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

/* --- names --- */

static struct sim_name *find_entry(struct sim_names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->entries[i].path, path) == 0)
            return &names->entries[i];
    }
    return NULL;
}

struct sim_file *sim_names_find(const struct sim_names *names, const char *path)
{
    const struct sim_name *entry = find_entry((struct sim_names *)names, path);
    return entry == NULL ? NULL : entry->file;
}

bool sim_path_in(const char *path, const char *dir)
{
    size_t length = strlen(dir);
    return strncmp(path, dir, length) == 0 && path[length] == '/' && strchr(path + length + 1, '/') == NULL;
}

static void apply_change(struct sim_names *names, const struct sim_name_change *change)
{
    if (change->removed[0] != '\0') {
        struct sim_name *entry = find_entry(names, change->removed);
        if (entry != NULL)
            *entry = names->entries[--names->count];
    }
    if (change->added[0] == '\0')
        return;
    struct sim_name *entry = find_entry(names, change->added);
    if (entry == NULL) {
        CHECK(names->count < SIM_NAMES_MAX);
        entry = &names->entries[names->count++];
        snprintf(entry->path, sizeof entry->path, "%s", change->added);
    }
    entry->file = change->file;
}

void sim_files_rename(struct sim_files *files, const char *removed, const char *added, struct sim_file *file)
{
    if (files->changes_count == files->changes_room) {
        files->changes_room = files->changes_room ? 2 * files->changes_room : 64;
        files->changes = realloc(files->changes, files->changes_room * sizeof *files->changes);
        CHECK(files->changes != NULL);
    }
    struct sim_name_change *change = &files->changes[files->changes_count++];
    *change = (struct sim_name_change){.file = file};
    snprintf(change->removed, sizeof change->removed, "%s", removed != NULL ? removed : "");
    snprintf(change->added, sizeof change->added, "%s", added != NULL ? added : "");
    apply_change(&files->cached, change);
}

struct sim_file *sim_files_create(struct sim_files *files, const char *path, bool is_dir)
{
    struct sim_file *file = calloc(1, sizeof *file);
    CHECK(file != NULL);
    CHECK(files->count < SIM_FILES_MAX);
    CHECK(strlen(path) < SIM_PATH_MAX);
    file->is_dir = is_dir;
    files->all[files->count++] = file;
    sim_files_rename(files, NULL, path, file);
    return file;
}

static bool change_in(const struct sim_name_change *change, const char *dir)
{
    return sim_path_in(change->added[0] != '\0' ? change->added : change->removed, dir);
}

void sim_files_sync_dir(struct sim_files *files, const char *dir)
{
    size_t kept = 0;
    for (size_t i = 0; i < files->changes_count; i++) {
        if (change_in(&files->changes[i], dir))
            apply_change(&files->durable, &files->changes[i]);
        else
            files->changes[kept++] = files->changes[i];
    }
    files->changes_count = kept;
}

/* File systems journal changes of names: a prefix of the changes survives. */
void sim_files_lose_names(struct sim_files *files, struct sim_random *random, uint64_t *lost)
{
    size_t kept = files->changes_count == 0 ? 0 : sim_random_below(random, (uint32_t)files->changes_count + 1);
    for (size_t i = 0; i < kept; i++)
        apply_change(&files->durable, &files->changes[i]);
    *lost += files->changes_count - kept;
    files->changes_count = 0;
    files->cached = files->durable;
}

/* --- contents --- */

void sim_file_reserve(struct sim_file *file, size_t size)
{
    if (size <= file->capacity)
        return;
    CHECK(file->maps == 0);
    size_t capacity = size < 512 ? 512 : size;
    file->cached = realloc(file->cached, capacity);
    file->durable = realloc(file->durable, capacity);
    CHECK(file->cached != NULL && file->durable != NULL);
    memset(file->cached + file->capacity, 0, capacity - file->capacity);
    memset(file->durable + file->capacity, 0, capacity - file->capacity);
    file->capacity = capacity;
}

static struct sim_write *add_write(struct sim_file *file)
{
    if (file->writes_count == file->writes_room) {
        file->writes_room = file->writes_room ? 2 * file->writes_room : 16;
        file->writes = realloc(file->writes, file->writes_room * sizeof *file->writes);
        CHECK(file->writes != NULL);
    }
    return &file->writes[file->writes_count++];
}

void sim_file_write(struct sim_file *file, const void *bytes, size_t length, size_t offset)
{
    if (length == 0)
        return;
    sim_file_reserve(file, offset + length);
    memcpy(file->cached + offset, bytes, length);
    if (offset + length > file->size)
        file->size = offset + length;
    unsigned char *copy = malloc(length);
    CHECK(copy != NULL);
    memcpy(copy, bytes, length);
    *add_write(file) = (struct sim_write){.offset = offset, .length = length, .bytes = copy};
}

void sim_file_truncate(struct sim_file *file)
{
    if (file->size > 0)
        memset(file->cached, 0, file->size);
    file->size = file->allocated = 0;
    *add_write(file) = (struct sim_write){.bytes = NULL};
}

static void forget_writes(struct sim_file *file)
{
    for (size_t i = 0; i < file->writes_count; i++)
        free(file->writes[i].bytes);
    file->writes_count = 0;
}

/* Bytes that were scanned as journal batches are changing: rescan them. */
static void scan_again(struct sim_file *file, size_t offset)
{
    if (offset < file->scanned)
        file->scanned = 0;
}

static void apply_write(struct sim_file *file, const struct sim_write *write)
{
    scan_again(file, write->offset);
    if (write->bytes != NULL)
        memcpy(file->durable + write->offset, write->bytes, write->length);
    else if (file->capacity > 0)
        memset(file->durable, 0, file->capacity);
}

void sim_file_sync(struct sim_file *file)
{
    for (size_t i = 0; i < file->writes_count; i++)
        apply_write(file, &file->writes[i]);
    forget_writes(file);
    file->durable_size = file->size;
}

/* Applies the part of a write that lies in sectors that had reached the disk by then. True when something was lost. */
static bool apply_sectors(struct sim_file *file, const struct sim_write *write, size_t position, uint64_t salt)
{
    bool lost = false;
    size_t end = write->offset + write->length;
    for (size_t offset = write->offset; offset < end;) {
        size_t sector = offset / SIM_SECTOR, next = (sector + 1) * SIM_SECTOR < end ? (sector + 1) * SIM_SECTOR : end;
        uint64_t cut = sim_hash(salt, &sector, sizeof sector) % (file->writes_count + 1);
        if (position < cut)
            memcpy(file->durable + offset, write->bytes + (offset - write->offset), next - offset);
        else
            lost = true;
        offset = next;
    }
    return lost;
}

/* Like Linux: after a failed write-back the pages are clean, and a later sync reports no error. */
void sim_file_fail_sync(struct sim_file *file, struct sim_random *random)
{
    uint64_t salt = sim_random_next(random);
    for (size_t i = 0; i < file->writes_count; i++) {
        scan_again(file, file->writes[i].offset);
        if (file->writes[i].bytes != NULL)
            apply_sectors(file, &file->writes[i], i, salt);
    }
    forget_writes(file);
}

/*
 * A sector reaches the disk as a whole, in its state at some moment after the last sync; each sector at its own moment.
 */
void sim_file_lose_power(struct sim_file *file, struct sim_random *random, uint64_t *torn)
{
    uint64_t salt = sim_random_next(random);
    bool size_lasts = sim_random_chance(random, 500);
    for (size_t i = 0; i < file->writes_count; i++) {
        const struct sim_write *write = &file->writes[i];
        scan_again(file, write->offset);
        if (write->bytes == NULL && size_lasts && file->capacity > 0)
            memset(file->durable, 0, file->capacity);
        else if (write->bytes != NULL)
            *torn += apply_sectors(file, write, i, salt);
    }
    if (file->writes_count > 0 && size_lasts)
        file->durable_size = file->size;
    forget_writes(file);
    file->size = file->allocated = file->durable_size;
    if (file->capacity > 0)
        memset(file->durable + file->size, 0, file->capacity - file->size);
    if (file->capacity > 0)
        memcpy(file->cached, file->durable, file->capacity);
}

void sim_files_clear(struct sim_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        forget_writes(files->all[i]);
        free(files->all[i]->writes);
        free(files->all[i]->cached);
        free(files->all[i]->durable);
        free(files->all[i]);
    }
    free(files->changes);
    *files = (struct sim_files){.count = 0};
}
