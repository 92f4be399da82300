#include "coupond/arguments.h"

#include <stdio.h>
#include <string.h>

#include "shared/mask.h"
#include "shared/nearest.h"

/* The words that are not parsed yet. */
struct words {
    int argc;
    char **argv;
    int next;
};

/* The length of the name in "--name=value" or "--name". */
static size_t name_length(const char *word)
{
    return strcspn(word, "=");
}

static bool is_named(const char *word, const char *name)
{
    return strlen(name) == name_length(word) && strncmp(word, name, strlen(name)) == 0;
}

static int take_value(struct words *words, const char *word, const char **value, struct error *error)
{
    size_t length = name_length(word);
    if (word[length] == '=')
        *value = word + length + 1;
    else if (words->next < words->argc)
        *value = words->argv[words->next++];
    else
        return error_set(error, "%.*s: a value is missing", (int)length, word);
    return (*value)[0] != '\0' ? 0 : error_set(error, "%.*s: the value is empty", (int)length, word);
}

static int take_single_value(struct words *words, const char *word, const char **value, struct error *error)
{
    if (*value != NULL)
        return error_set(error, "%.*s is given twice", (int)name_length(word), word);
    return take_value(words, word, value, error);
}

static int take_flag(const char *word, bool *flag, struct error *error)
{
    if (word[name_length(word)] == '=')
        return error_set(error, "%.*s takes no value", (int)name_length(word), word);
    *flag = true;
    return 0;
}

static int take_set(struct arguments *arguments, struct words *words, const char *word, struct error *error)
{
    if (arguments->sets_count == ARGUMENTS_SETS_MAX)
        return error_set(error, "--set: at most %d of them; use a file", ARGUMENTS_SETS_MAX);
    return take_value(words, word, &arguments->sets[arguments->sets_count++], error);
}

/* The unknown word may contain a secret. Prints it only up to the first byte that no option name contains, and a word
 * with a single dash only up to its letter, since the value may follow directly. */
static int refuse_option(const char *word, const struct argument *own, struct error *error)
{
    static const char *const common[] = {"--config", "--set", "--check-config", "--help"};
    size_t length = word[1] == '-' ? strcspn(word, ARGUMENTS_NAME_ENDS) : 2;
    struct nearest nearest;
    char hint[NEAREST_HINT_MAX];
    nearest_init(&nearest, word, length);
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        nearest_offer(&nearest, common[i]);
    for (; own != NULL && own->name != NULL; own++)
        nearest_offer(&nearest, own->name);
    return error_set(error, "unknown option %.*s%s", length < 64 ? (int)length : 64, word,
                     nearest_hint(&nearest, hint));
}

static int take_own(struct words *words, const char *word, const struct argument *own, struct error *error)
{
    for (const struct argument *row = own; row != NULL && row->name != NULL; row++) {
        if (!is_named(word, row->name))
            continue;
        return row->value != NULL ? take_single_value(words, word, row->value, error)
                                  : take_flag(word, row->flag, error);
    }
    return refuse_option(word, own, error);
}

static bool is_given(const struct argument *own, const char *flag)
{
    while (strcmp(own->name, flag) != 0)
        own++;
    return *own->flag;
}

static int check_requirements(const struct argument *own, struct error *error)
{
    for (const struct argument *row = own; row != NULL && row->name != NULL; row++) {
        if (row->requires != NULL && *row->flag && !is_given(own, row->requires))
            return error_set(error, "%s requires %s", row->name, row->requires);
    }
    return 0;
}

static int take_option(struct arguments *arguments, struct words *words, const char *word, const struct argument *own,
                       struct error *error)
{
    if (is_named(word, "--config"))
        return take_single_value(words, word, &arguments->config, error);
    if (is_named(word, "--set"))
        return take_set(arguments, words, word, error);
    if (is_named(word, "--check-config"))
        return take_flag(word, &arguments->check_config, error);
    if (is_named(word, "--help") || is_named(word, "-h"))
        return take_flag(word, &arguments->help, error);
    return take_own(words, word, own, error);
}

int arguments_parse(struct arguments *arguments, int argc, char **argv, const struct argument *own,
                    size_t positionals_max, struct error *error)
{
    struct words words = {argc, argv, 1};
    bool options_ended = false;
    CHECK(positionals_max <= ARGUMENTS_POSITIONALS_MAX);
    memset(arguments, 0, sizeof *arguments);
    while (words.next < argc) {
        const char *word = argv[words.next++];
        if (!options_ended && strcmp(word, "--") == 0) {
            options_ended = true;
        } else if (!options_ended && word[0] == '-' && word[1] != '\0') {
            if (take_option(arguments, &words, word, own, error) != 0)
                return -1;
        } else if (arguments->positionals_count == positionals_max) {
            return error_set(error, "argument %d is unexpected; options begin with --", words.next - 1);
        } else if (word[0] == '\0') {
            return error_set(error, "argument %d is empty", words.next - 1);
        } else {
            arguments->positionals[arguments->positionals_count++] = word;
        }
    }
    return arguments->help ? 0 : check_requirements(own, error);
}

int arguments_check_path(const char *what, const char *path, struct error *error)
{
    if (path == NULL || !is_copied_address(path))
        return 0;
    return error_set(error, "%s: expected the path of a file or folder, but the value looks like a URL", what);
}

int arguments_apply(const struct arguments *arguments, struct options *options, struct error *error)
{
    if (arguments_check_path("--config", arguments->config, error) != 0)
        return -1;
    if (arguments->config != NULL && options_read_file(options, arguments->config, error) != 0)
        return -1;
    if (options_read_environment(options, error) != 0)
        return -1;
    for (size_t i = 0; i < arguments->sets_count; i++) {
        if (options_set(options, arguments->sets[i], error) != 0)
            return error_prefix(error, "--set");
    }
    return 0;
}

int arguments_load(const struct arguments *arguments, const char *role, struct options *options, struct error *error)
{
    options_init(options);
    if (arguments_apply(arguments, options, error) != 0)
        return -1;
    options_leave_secrets(options, role);
    return options_complete(options, error);
}

static int set_path(char member[OPTION_STRING_MAX], const char *dir, const char *name, struct error *error)
{
    if (snprintf(member, OPTION_STRING_MAX, "%s/%s", dir, name) >= OPTION_STRING_MAX)
        return error_set(error, "--dir: the path is too long");
    return 0;
}

int arguments_load_dir(const struct arguments *arguments, const char *dir, struct options *options, struct error *error)
{
    if (!dir)
        return arguments_load(arguments, "verify", options, error);
    if (arguments->config)
        return error_set(error, "--config and --dir cannot be combined");
    if (arguments_check_path("--dir", dir, error) != 0)
        return -1;
    options_init(options);
    if (set_path(options->issuer_journal_dir, dir, "journal", error) != 0 ||
        set_path(options->store_path, dir, "coupond.db", error) != 0)
        return -1;
    if (arguments_apply(arguments, options, error) != 0)
        return -1;
    options_leave_secrets(options, "verify");
    return options_complete(options, error);
}
