#include "shared/wire/cluster_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shared/utf8.h"

#define KDF_CONTEXT "coupond1" /* 8 bytes */
#define SECRET_MODE 0640

_Static_assert(CLUSTER_SECRET_DIGITS == 2 * crypto_kdf_KEYBYTES, "two digits a byte of the secret");
_Static_assert(CLUSTER_KEY_BYTES == crypto_box_PUBLICKEYBYTES, "CURVE uses crypto_box keys");
_Static_assert(CLUSTER_KEY_BYTES == crypto_box_SECRETKEYBYTES, "CURVE uses crypto_box keys");

/* The number of a key derived from the secret. Part of the format. */
enum derived_key { DERIVED_LISTENER = 1, DERIVED_CONNECTOR = 2 };

static void derive(const unsigned char *secret, enum derived_key which, struct cluster_key_pair *pair)
{
    unsigned char seed[crypto_box_SEEDBYTES];
    CHECK(crypto_kdf_derive_from_key(seed, sizeof seed, (uint64_t)which, KDF_CONTEXT, secret) == 0);
    CHECK(crypto_box_seed_keypair(pair->public_key, pair->secret_key, seed) == 0);
    sodium_memzero(seed, sizeof seed);
}

/* --- reading --- */

static ssize_t read_all(int fd, char *text, size_t size)
{
    size_t length = 0;
    while (length < size) {
        ssize_t count = read(fd, text + length, size - length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -1;
        if (count == 0)
            break;
        length += (size_t)count;
    }
    return (ssize_t)length;
}

/* Reads up to `size` bytes of a regular file; -1 and an error when that fails. */
static ssize_t read_text(const char *path, const char *shown, char *text, size_t size, bool *exposed,
                         struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set(error, "cannot open %s: %s; create it with coupond keygen FILE", shown, strerror(errno));
    struct stat there;
    ssize_t length = -1;
    if (fstat(fd, &there) != 0 || !S_ISREG(there.st_mode))
        error_set(error, "%s is not a regular file", shown);
    else if ((length = read_all(fd, text, size)) < 0)
        error_set(error, "cannot read %s: %s", shown, strerror(errno));
    *exposed = length >= 0 && (there.st_mode & S_IRWXO) != 0;
    close(fd);
    return length;
}

static size_t trim(const char *text, size_t length)
{
    while (length > 0 && strchr("\r\n", text[length - 1]) != NULL && text[length - 1] != '\0')
        length--;
    return length;
}

static int parse(const char *shown, const char *text, size_t length, unsigned char *secret, struct error *error)
{
    size_t bytes = 0;
    if (length != CLUSTER_SECRET_DIGITS)
        return error_set(error,
                         "%s must hold one line of %d hexadecimal digits, not %s; create it with coupond keygen FILE",
                         shown, CLUSTER_SECRET_DIGITS, length < CLUSTER_SECRET_DIGITS ? "fewer" : "more");
    if (sodium_hex2bin(secret, crypto_kdf_KEYBYTES, text, length, NULL, &bytes, NULL) != 0 ||
        bytes != crypto_kdf_KEYBYTES)
        return error_set(error, "%s must hold hexadecimal digits only; create it with coupond keygen FILE", shown);
    if (sodium_is_zero(secret, crypto_kdf_KEYBYTES))
        return error_set(error, "%s contains only zeros, which is not a secret; create it with coupond keygen FILE",
                         shown);
    return 0;
}

int cluster_keys_read(const char *path, const char *shown, struct cluster_keys *keys, bool *exposed,
                      struct error *error)
{
    CHECK(sodium_init() >= 0);
    char text[CLUSTER_SECRET_DIGITS + 6]; /* room for a byte order mark, \r\n, and one excess byte */
    unsigned char secret[crypto_kdf_KEYBYTES];
    ssize_t length = read_text(path, shown, text, sizeof text, exposed, error);
    int result = length < 0 ? -1 : parse(shown, text, trim(text, utf8_drop_mark(text, (size_t)length)), secret, error);
    if (result == 0) {
        derive(secret, DERIVED_LISTENER, &keys->listener);
        derive(secret, DERIVED_CONNECTOR, &keys->connector);
    }
    sodium_memzero(text, sizeof text);
    sodium_memzero(secret, sizeof secret);
    return result;
}

/* --- making --- */

static void make_line(char line[CLUSTER_SECRET_DIGITS + 2])
{
    unsigned char secret[crypto_kdf_KEYBYTES];
    crypto_kdf_keygen(secret);
    sodium_bin2hex(line, CLUSTER_SECRET_DIGITS + 1, secret, sizeof secret);
    line[CLUSTER_SECRET_DIGITS] = '\n';
    sodium_memzero(secret, sizeof secret);
}

int cluster_secret_create(const char *path, struct error *error)
{
    CHECK(sodium_init() >= 0);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, SECRET_MODE);
    if (fd < 0 && errno == EEXIST)
        return error_set(error, "%s already exists and was not changed; remove it first, or choose another file", path);
    if (fd < 0)
        return error_set(error, "cannot create %s: %s", path, strerror(errno));
    char line[CLUSTER_SECRET_DIGITS + 2];
    make_line(line);
    const ssize_t size = CLUSTER_SECRET_DIGITS + 1;
    bool done = write(fd, line, (size_t)size) == size && fsync(fd) == 0;
    int reason = errno;
    sodium_memzero(line, sizeof line);
    close(fd);
    if (done)
        return 0;
    unlink(path);
    return error_set(error, "cannot write %s: %s", path, strerror(reason));
}
