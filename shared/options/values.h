/*
 * The options as values: one member for each row of options/table.h.
 */
#ifndef COUPOND_OPTION_VALUES_H
#define COUPOND_OPTION_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/options/table.h"

#define OPTION_STRING_MAX 256

/* options->gateway_threads, options->issuer_journal_dir, … */
struct options {
#define OPTION_MEMBER_TEXT(member)                char member[OPTION_STRING_MAX];
#define OPTION_MEMBER_CHOICE(member)              OPTION_MEMBER_TEXT(member)
#define OPTION_MEMBER_ADDRESS(member)             OPTION_MEMBER_TEXT(member)
#define OPTION_MEMBER_ENDPOINT(member)            OPTION_MEMBER_TEXT(member)
#define OPTION_MEMBER_URL(member)                 OPTION_MEMBER_TEXT(member)
#define OPTION_MEMBER_PATH(member)                OPTION_MEMBER_TEXT(member)
#define OPTION_MEMBER_SECRET(member)              OPTION_MEMBER_TEXT(member)
#define OPTION_MEMBER_SECRET_FILE(member)         OPTION_MEMBER_TEXT(member)
#define OPTION_MEMBER_NUMBER(member)              int64_t member;
#define OPTION_MEMBER_DURATION(member)            int64_t member;
#define OPTION_MEMBER_SIZE(member)                int64_t member;
#define OPTION_MEMBER_FLAG(member)                bool member;
#define X(section, name, kind, def, bounds, help) OPTION_MEMBER_##kind(section##_##name)
    OPTION_TABLE(X)
#undef X
};

/* Room for a value as options_show() writes it. */
#define OPTION_SHOWN_MAX (2 * OPTION_STRING_MAX)

/* issuer/sync as a value. */
#define SYNC_ALWAYS 0
#define SYNC_OS     (-1)

#endif
