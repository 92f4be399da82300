/*
 * A configuration file: ZPL, parsed by czmq's zconfig. zconfig prints its errors instead of returning them, keeps no
 * line numbers and accepts some malformed input. This file turns each fault into an error with its line.
 */
#include <czmq.h>
#include <sys/mman.h>

#include "shared/options/options.h"
#include "shared/options/rows.h"
#include "shared/utf8.h"

#define FILE_BYTES_MAX (1u << 20)
#define LINE_BYTES_MAX 1000u /* zconfig copies a line to a buffer of 1 KiB */

static char *read_whole(const char *path, size_t *length, struct error *error)
{
    char *text = NULL;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        error_set(error, "cannot open the configuration file %s: %s", path, strerror(errno));
        return NULL;
    }
    text = malloc(FILE_BYTES_MAX + 1);
    CHECK(text != NULL);
    *length = utf8_drop_mark(text, fread(text, 1, FILE_BYTES_MAX + 1, file));
    if (ferror(file)) {
        error_set(error, "cannot read the configuration file %s: %s", path, strerror(errno));
        free(text);
        text = NULL;
    } else if (*length > FILE_BYTES_MAX) {
        error_set(error, "%s: a configuration file has at most %u bytes", path, FILE_BYTES_MAX);
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

/* Rejects lines that zconfig would truncate or treat as the end. */
static int check_lines(const char *path, const char *text, size_t length, struct error *error)
{
    unsigned line = 1;
    size_t line_start = 0;
    if (length >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0))
        return error_set(error, "%s: this is UTF-16; save the file as UTF-8", path);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\0')
            return error_set(error, "%s line %u: contains a zero byte; this is not a ZPL file", path, line);
        if (i - line_start >= LINE_BYTES_MAX)
            return error_set(error, "%s line %u: longer than %u bytes", path, line, LINE_BYTES_MAX);
        if (text[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    return 0;
}

/* Turns "26-11-21 02:45:02 E (zconfig): (2) missing \"" into "line 2: missing \"". Omits the part of the line that
 * zconfig quotes between ' and ', which may be a secret. */
static int set_syntax_error(struct error *error, const char *path, char *complaint)
{
    unsigned line = 0;
    int skip = 0;
    char *start = strstr(complaint, "(zconfig): ");
    complaint[strcspn(complaint, "\r\n")] = '\0';
    if (start == NULL || sscanf(start, "(zconfig): (%u) %n", &line, &skip) != 1)
        return error_set(error, "%s: not ZPL", path);
    char *reason = start + skip;
    reason[strcspn(reason, "'")] = '\0';
    for (size_t end = strlen(reason); end > 0 && reason[end - 1] == ' '; end--)
        reason[end - 1] = '\0';
    return error_set(
        error, "%s line %u: %s; expected \"section\" at the start of the line or \"name = value\" indented by 4 spaces",
        path, line, reason);
}

/* Redirects standard output to `fd`; returns a descriptor to restore it from. */
static int redirect_stdout(int fd)
{
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    CHECK(saved >= 0);
    CHECK(dup2(fd, STDOUT_FILENO) >= 0);
    return saved;
}

static void restore_stdout(int saved)
{
    fflush(stdout);
    CHECK(dup2(saved, STDOUT_FILENO) >= 0);
    close(saved);
}

/* zconfig reports errors on standard output only, so it is captured; no other thread runs yet. */
static zconfig_t *parse(const char *path, const char *text, struct error *error)
{
    int catcher = memfd_create("zconfig", MFD_CLOEXEC);
    CHECK(catcher >= 0);
    int saved = redirect_stdout(catcher);
    zconfig_t *root = zconfig_str_load(text);
    restore_stdout(saved);
    if (root == NULL) {
        char complaint[256] = "";
        ssize_t length = pread(catcher, complaint, sizeof complaint - 1, 0);
        complaint[length > 0 ? length : 0] = '\0';
        set_syntax_error(error, path, complaint);
    }
    close(catcher);
    return root;
}

/* The position of the walk over zconfig's tree. Each item of the tree is a line of the file that is neither empty nor a
 * comment. */
struct walk {
    struct options *options;
    const char *path;
    const char *text; /* after the current line */
    unsigned line;
    bool *seen; /* by row */
};

/* Advances to the next line with an item. */
static void next_item(struct walk *walk)
{
    for (bool found = false; !found && *walk->text != '\0';) {
        size_t blanks = strspn(walk->text, " \t\r");
        found = walk->text[blanks] != '\n' && walk->text[blanks] != '#' && walk->text[blanks] != '\0';
        walk->text += strcspn(walk->text, "\n");
        walk->text += *walk->text == '\n';
        walk->line++;
    }
}

/* An unknown name may be a misplaced secret, so it is quoted only when it resembles an option. */
static int refuse_option(const char *section, const char *name, struct error *error)
{
    char given[2 * NEAREST_WORD_MAX];
    snprintf(given, sizeof given, "%s/%.*s", section, NEAREST_WORD_MAX, name);
    struct nearest nearest;
    nearest_init(&nearest, given, strlen(given));
    option_offer_names(&nearest);
    if (nearest_found(&nearest) == NULL)
        return error_set(error,
                         "%s: unknown option, not shown because it may be a secret; coupond --help-config lists all",
                         section);
    return error_set(error, "%s: unknown option; did you mean %s? coupond --help-config lists all", given,
                     nearest_found(&nearest));
}

static int refuse_section(const char *name, struct error *error)
{
    struct nearest nearest;
    nearest_init(&nearest, name, strlen(name));
    for (unsigned i = 0; i < option_rows_count; i++)
        nearest_offer(&nearest, option_rows[i].section);
    if (nearest_found(&nearest) == NULL)
        return error_set(error,
                         "unknown section, not shown because it may be a secret; coupond --help-config lists all");
    return error_set(error, "%s: unknown section; did you mean %s? coupond --help-config lists all", name,
                     nearest_found(&nearest));
}

static int take_item(struct walk *walk, const char *section, zconfig_t *item, struct error *error)
{
    int index = option_find(section, zconfig_name(item));
    if (index < 0)
        return refuse_option(section, zconfig_name(item), error);
    if (walk->seen[index])
        return error_set(error, "%s/%s: set twice", section, zconfig_name(item));
    if (zconfig_child(item) != NULL)
        return error_set(error, "%s/%s: an option cannot have options below it", section, zconfig_name(item));
    walk->seen[index] = true;
    return option_assign(walk->options, &option_rows[index], zconfig_value(item), error);
}

static int take_section(struct walk *walk, zconfig_t *section, struct error *error)
{
    const char *name = zconfig_name(section);
    next_item(walk);
    if (!option_section_exists(name))
        return refuse_section(name, error);
    if (zconfig_value(section)[0] != '\0')
        return error_set(error, "%s: a section cannot have a value; put options below it, indented by 4 spaces", name);
    for (zconfig_t *item = zconfig_child(section); item != NULL; item = zconfig_next(item)) {
        next_item(walk);
        if (take_item(walk, name, item, error) != 0)
            return -1;
    }
    return 0;
}

static int take_tree(struct walk *walk, zconfig_t *root, struct error *error)
{
    for (zconfig_t *section = zconfig_child(root); section != NULL; section = zconfig_next(section)) {
        if (take_section(walk, section, error) != 0)
            return error_prefix(error, "%s line %u", walk->path, walk->line);
    }
    return 0;
}

int options_read_file(struct options *options, const char *path, struct error *error)
{
    size_t length;
    char *text = read_whole(path, &length, error);
    if (text == NULL)
        return -1;
    int result = -1;
    text[length] = '\0';
    zconfig_t *root = NULL;
    if (check_lines(path, text, length, error) == 0)
        root = parse(path, text, error);
    if (root != NULL) {
        bool *seen = calloc(option_rows_count, sizeof *seen);
        CHECK(seen != NULL);
        struct walk walk = {.options = options, .path = path, .text = text, .seen = seen};
        result = take_tree(&walk, root, error);
        free(seen);
    }
    zconfig_destroy(&root);
    free(text);
    return result;
}
