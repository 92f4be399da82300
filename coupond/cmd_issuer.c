/* `coupond issuer`: decides, one journal per partition, until SIGTERM. --rebuild-from-store creates the journals. */
#include <stdlib.h>

#include "coupond/commands.h"
#include "coupond/role.h"
#include "issuer/issuer.h"
#include "issuer/rebuild/rebuild.h"

static const struct help_option issuer_options[] = {
    {"--rebuild-from-store", NULL,
     "after the loss of a disk: creates the journals from the store and exits; start the issuer again without it"},
    {"--accept-gaps", NULL,
     "with --rebuild-from-store: sequences that are missing in the store count as issued to lost:<sequence>"},
    HELP_CONFIG,
    HELP_SET,
    HELP_CHECK,
    HELP_HELP,
    HELP_END,
};

const struct help help_issuer = {
    .name = "issuer",
    .summary = "decides who gets a coupon and writes the journal",
    .about = ROLE_ABOUT("Decides who gets a coupon and writes the journal"),
    .options = issuer_options,
};

static int rebuild(const struct options *options, bool accept_gaps)
{
    struct error error = {""};
    role_let_signals_end();
    if (role_make_folder("issuer/journal_dir", options->issuer_journal_dir, &error) != 0 ||
        rebuild_run(options, accept_gaps, &error) != 0)
        return role_fail("issuer", &error, EXIT_FAILURE);
    return EXIT_SUCCESS;
}

static int run(const struct options *options)
{
    struct error error = {""};
    struct issuer *issuer = NULL;
    if (role_make_folder("issuer/journal_dir", options->issuer_journal_dir, &error) != 0 ||
        issuer_start(options, &issuer, &error) != 0)
        return role_start_failed("issuer", &error);
    role_wait("issuer", issuer_ready, issuer);
    issuer_stop(&issuer);
    return role_end("issuer");
}

int cmd_issuer(int argc, char **argv)
{
    struct options options;
    bool from_store = false, accept_gaps = false;
    const struct argument own[] = {{.name = "--rebuild-from-store", .flag = &from_store},
                                   {.name = "--accept-gaps", .flag = &accept_gaps, .requires = "--rebuild-from-store"},
                                   {.name = NULL}};
    int status = role_configure(&help_issuer, argc, argv, own, &options);
    if (status != ROLE_GO_ON)
        return status;
    role_begin(&options);
    return from_store ? rebuild(&options, accept_gaps) : run(&options);
}
