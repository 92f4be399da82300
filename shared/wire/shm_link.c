#include "shared/wire/shm_link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define GREETING_MAGIC   0x51504e43u /* "CNPQ" */
#define GREETING_VERSION 2u
#define BACKLOG          128
#define STRANGERS_MAX    16 /* disconnected per call */
#define WAKES_MAX        16 /* wake-ups read per call */

/* The first message of the listening side, which carries the memory's descriptor. */
struct shm_greeting {
    uint32_t magic;
    uint32_t version;
    uint64_t queue_bytes; /* of each of the two consecutive queues: requests, then replies */
};
_Static_assert(sizeof(struct shm_greeting) == 16, "greeting layout");

static size_t memory_size(void)
{
    return 2 * shm_ring_size(SHM_QUEUE_BYTES);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void shm_link_init(struct shm_link *link)
{
    *link = (struct shm_link){.socket = -1};
}

void shm_link_close(struct shm_link *link)
{
    if (link->memory != NULL)
        munmap(link->memory, memory_size());
    close_fd(&link->socket);
    shm_link_init(link);
}

static bool set_address(struct sockaddr_un *address, const char *path)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    return length > 0 && (size_t)length < sizeof address->sun_path;
}

static int new_socket(void)
{
    return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool map(struct shm_link *link, int memory, bool listens)
{
    size_t each = shm_ring_size(SHM_QUEUE_BYTES);
    void *mapped = mmap(NULL, memory_size(), PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (mapped == MAP_FAILED)
        return false;
    link->memory = mapped;
    shm_ring_init(listens ? &link->in : &link->out, mapped, each);
    shm_ring_init(listens ? &link->out : &link->in, (char *)mapped + each, each);
    return true;
}

/* --- who listens --- */

/* True when a live process listens at the address. */
static bool is_taken(const struct sockaddr_un *address)
{
    int probe = new_socket();
    bool taken =
        probe >= 0 && (connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
    close_fd(&probe);
    return taken;
}

int shm_listen(const char *path, struct error *error)
{
    struct sockaddr_un address;
    if (!set_address(&address, path))
        return error_set(error, "%s: longer than a UNIX socket's address", path);
    if (is_taken(&address))
        return error_set(error, "%s: another process listens there", path);
    struct stat there;
    if (lstat(path, &there) == 0 && S_ISSOCK(there.st_mode))
        unlink(path);
    int listener = new_socket();
    if (listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
        listen(listener, BACKLOG) == 0)
        return listener;
    error_set(error, "%s: cannot listen: %s", path, strerror(errno));
    close_fd(&listener);
    return -1;
}

/* Memory for both queues, sealed against resizing. */
static int create_memory(void)
{
    int memory = memfd_create("coupond-queues", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memory >= 0 && ftruncate(memory, (off_t)memory_size()) == 0 &&
        fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return memory;
    close_fd(&memory);
    return -1;
}

static bool send_greeting(const struct shm_link *link, int memory)
{
    struct shm_greeting greeting = {GREETING_MAGIC, GREETING_VERSION, SHM_QUEUE_BYTES};
    struct iovec bytes = {&greeting, sizeof greeting};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof memory)] = {0};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof memory);
    memcpy(CMSG_DATA(rights), &memory, sizeof memory);
    return sendmsg(link->socket, &message, MSG_NOSIGNAL) == (ssize_t)sizeof greeting;
}

static bool furnish(struct shm_link *link)
{
    int memory = create_memory();
    bool done = memory >= 0 && map(link, memory, true) && send_greeting(link, memory);
    int why = errno;
    close_fd(&memory);
    errno = why;
    return done;
}

/* Memory is shared only with processes of the same user and of root: others could tamper with it. */
static bool is_trusted(int socket)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    return shm_trusts(peer.uid, geteuid());
}

bool shm_trusts(uid_t peer, uid_t own)
{
    return peer == own || peer == 0;
}

/* Disconnects untrusted peers, a few per call: the caller retries while there are more. */
static int accept_trusted(int listener)
{
    for (unsigned i = 0; i < STRANGERS_MAX; i++) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 || is_trusted(fd))
            return fd;
        close_fd(&fd);
    }
    errno = EAGAIN;
    return -1;
}

int shm_accept(int listener, struct shm_link *link, struct error *error)
{
    shm_link_init(link);
    link->socket = accept_trusted(listener);
    if (link->socket < 0)
        return errno == EAGAIN || errno == ECONNABORTED || errno == EINTR ? 0 : error_set(error, "%s", strerror(errno));
    if (furnish(link))
        return 1;
    error_set(error, "%s", strerror(errno));
    shm_link_close(link);
    return -1;
}

bool shm_refuse(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    bool any = fd >= 0;
    close_fd(&fd);
    return any;
}

/* --- who connects --- */

int shm_connect(const char *path)
{
    struct sockaddr_un address;
    CHECK(set_address(&address, path));
    int fd = new_socket();
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        close_fd(&fd);
    return fd;
}

/* The descriptor that came with a message, or -1. */
static int take_fd(struct msghdr *message)
{
    const struct cmsghdr *rights = CMSG_FIRSTHDR(message);
    int fd = -1;
    if (rights != NULL && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
        rights->cmsg_len == CMSG_LEN(sizeof fd))
        memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return fd;
}

static bool is_sealed(int memory)
{
    struct stat there;
    int seals = fcntl(memory, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0 && fstat(memory, &there) == 0 &&
           (size_t)there.st_size == memory_size();
}

static bool is_ours(const struct shm_greeting *greeting, ssize_t size)
{
    return size == (ssize_t)sizeof *greeting && greeting->magic == GREETING_MAGIC &&
           greeting->version == GREETING_VERSION && greeting->queue_bytes == SHM_QUEUE_BYTES;
}

/* Returns the bytes received; sets *truncated when a descriptor was lost because this process has none left. */
static ssize_t receive_greeting(int socket, struct shm_greeting *greeting, int *memory, bool *truncated)
{
    struct iovec bytes = {greeting, sizeof *greeting};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof *memory)] = {0};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    *memory = size >= 0 ? take_fd(&message) : -1;
    *truncated = (message.msg_flags & MSG_CTRUNC) != 0;
    return size;
}

static const char *why_not(ssize_t size, bool truncated)
{
    if (size <= 0)
        return "it has closed the connection: only processes of the same user and of root may connect";
    return truncated ? "no descriptor is left for its memory" : "it uses another protocol: is it another version?";
}

int shm_greet(int socket, struct shm_link *link, struct error *error)
{
    shm_link_init(link);
    struct shm_greeting greeting;
    int memory;
    bool truncated;
    ssize_t size = receive_greeting(socket, &greeting, &memory, &truncated);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    bool right = is_ours(&greeting, size) && is_sealed(memory) && map(link, memory, false);
    close_fd(&memory);
    if (!right)
        return error_set(error, "%s", why_not(size, truncated));
    link->socket = socket;
    return 1;
}

/* --- both --- */

bool shm_link_send(struct shm_link *link, const void *data, size_t size)
{
    return link->memory != NULL && shm_ring_write(&link->out, data, size);
}

/* send() fails only when the peer has unread wake-ups, so that it wakes anyway, or is gone. */
void shm_link_wake(struct shm_link *link)
{
    if (link->memory == NULL || !shm_ring_must_wake(&link->out))
        return;
    ssize_t ignored = send(link->socket, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)ignored;
}

bool shm_link_read_wakes(struct shm_link *link)
{
    char wake;
    ssize_t received = 1;
    for (unsigned i = 0; i < WAKES_MAX && received > 0; i++)
        received = recv(link->socket, &wake, sizeof wake, MSG_DONTWAIT);
    return received > 0 || (received < 0 && (errno == EAGAIN || errno == EINTR));
}
