#include "coupond/top/terminal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "shared/error.h"

#define BEGIN "\033[?1049h\033[?25l\033[?7l\033[2J" /* alternate screen, no cursor, no wrapping */
#define END   "\033[0m\033[?7h\033[?25h\033[?1049l"

static struct {
    bool taken;
    bool has_keys;
    struct termios before; /* saved settings, if it has keys */
} terminal;

static bool write_all(const char *data, size_t length)
{
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, data, length);
        if (written < 0 && errno == EAGAIN)
            poll(&(struct pollfd){.fd = STDOUT_FILENO, .events = POLLOUT}, 1, -1);
        else if (written < 0 && errno != EINTR)
            return false;
        data += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* Disables line buffering and echo; Ctrl-C and Ctrl-Z still raise signals. */
static void take_keys(void)
{
    terminal.has_keys = tcgetattr(STDIN_FILENO, &terminal.before) == 0;
    if (!terminal.has_keys)
        return;
    struct termios mode = terminal.before;
    mode.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    mode.c_cc[VMIN] = 0;
    mode.c_cc[VTIME] = 0;
    terminal.has_keys = tcsetattr(STDIN_FILENO, TCSANOW, &mode) == 0;
}

void top_terminal_begin(void)
{
    CHECK(!terminal.taken);
    take_keys();
    terminal.taken = true;
    write_all(BEGIN, strlen(BEGIN));
}

void top_terminal_end(void)
{
    if (!terminal.taken)
        return;
    write_all(END, strlen(END));
    if (terminal.has_keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
    terminal.taken = terminal.has_keys = false;
}

void top_terminal_size(int *rows, int *columns)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    *rows = known && size.ws_row > 0 ? size.ws_row : 24;
    *columns = known && size.ws_col > 0 ? size.ws_col : 80;
}

bool top_terminal_show(const struct canvas *canvas, const struct canvas_look *look, bool wipe)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    CHECK(out != NULL);
    if (wipe)
        fputs("\033[0m\033[2J", out);
    canvas_write(canvas, look, out);
    CHECK(fclose(out) == 0);
    bool shown = write_all(text, length);
    free(text);
    return shown;
}

int top_terminal_keys_fd(void)
{
    return terminal.has_keys ? STDIN_FILENO : -1;
}

bool top_terminal_read_keys(char *bytes, size_t size, size_t *length)
{
    ssize_t got = read(STDIN_FILENO, bytes, size);
    *length = got > 0 ? (size_t)got : 0;
    return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}
