#include "coupond/token/signing_set.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/identity/key_set.h"

#define SET_MODE 0600

/* --- create --- */

static bool write_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t written = write(fd, text, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        length -= (size_t)written;
    }
    return fsync(fd) == 0;
}

int signing_set_create(const char *path, const struct signing_key *key, struct error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, SET_MODE);
    if (fd < 0 && errno == EEXIST)
        return error_set(error, "%s already exists and was not changed; remove it first, or choose another file", path);
    if (fd < 0)
        return error_set(error, "cannot create %s: %s", path, strerror(errno));
    json_t *set = json_pack("{s:[o]}", "keys", signing_key_write(key, true));
    char *text = set == NULL ? NULL : json_dumps(set, JSON_INDENT(1));
    CHECK(text != NULL);
    bool done = write_all(fd, text, strlen(text));
    int reason = errno;
    sodium_memzero(text, strlen(text));
    free(text);
    json_decref(set);
    close(fd);
    if (done)
        return 0;
    unlink(path);
    return error_set(error, "cannot write %s: %s", path, strerror(reason));
}

/* --- read --- */

/* The array `keys` of the file, which the caller releases. */
static json_t *load(const char *path, struct error *error)
{
    json_error_t fault;
    json_t *set = json_load_file(path, JSON_REJECT_DUPLICATES, &fault);
    json_t *keys = json_incref(json_object_get(set, "keys"));
    json_decref(set);
    if (set == NULL && json_error_code(&fault) == json_error_cannot_open_file)
        error_set(error, "cannot open %s: %s", path, strerror(errno));
    else if (!json_is_array(keys) || json_array_size(keys) > KEY_SET_KEYS_MAX)
        error_set(error, "%s is no JWK set; coupond token --new-keys FILE creates one", path);
    if (json_is_array(keys) && json_array_size(keys) <= KEY_SET_KEYS_MAX)
        return keys;
    json_decref(keys);
    return NULL;
}

static bool has_id(const json_t *jwk, const char *id)
{
    const char *own = json_string_value(json_object_get(jwk, "kid"));
    return id == NULL || (own != NULL && strcmp(own, id) == 0);
}

struct signing_key *signing_set_read(const char *path, const char *id, struct error *error)
{
    size_t i;
    json_t *jwk;
    struct signing_key *key = NULL;
    json_t *keys = load(path, error);
    if (keys == NULL)
        return NULL;
    error_set(error, "has no key%s", id == NULL ? "" : " with this kid");
    json_array_foreach(keys, i, jwk)
    {
        if (has_id(jwk, id) && (key = signing_key_read(jwk, error)) != NULL)
            break;
    }
    if (key == NULL)
        error_prefix(error, "%s", path);
    json_decref(keys);
    return key;
}

json_t *signing_set_public(const char *path, struct error *error)
{
    size_t i;
    json_t *jwk, *keys = load(path, error);
    json_t *public_keys = keys == NULL ? NULL : json_array();
    json_array_foreach(keys, i, jwk)
    {
        struct signing_key *key = signing_key_read(jwk, error);
        json_t *public_key = key == NULL ? NULL : signing_key_write(key, false);
        if (key != NULL && public_key == NULL)
            error_set(error, "is symmetric: who can verify its tokens can also sign them, so it has no public part");
        signing_key_destroy(&key);
        if (public_key == NULL) {
            error_prefix(error, "%s: key %zu", path, i + 1);
            json_decref(public_keys);
            public_keys = NULL;
            break;
        }
        json_array_append_new(public_keys, public_key);
    }
    json_decref(keys);
    return public_keys == NULL ? NULL : json_pack("{s:o}", "keys", public_keys);
}
