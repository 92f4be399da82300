/*
 * A change of the row whose outcome may become unknown: the connection can be lost before the answer, and the store may
 * carry the change out later. Until the outcome is known, both rows are possible, and the member has to obey the
 * stricter of both. To find out, the same change is asked for again, which then happens or has happened, and no delayed
 * one can follow it; if the old row is gone, a write that changes nothing tells whether the new one is there. A read
 * would not do: a node of a cluster may answer it with an outdated row.
 *
 * Pure. Owned by the partition's thread.
 */
#ifndef COUPOND_MEMBER_CHANGE_H
#define COUPOND_MEMBER_CHANGE_H

#include "issuer/member/row.h"

enum member_ask_kind {
    MEMBER_ASK_NOTHING,
    MEMBER_ASK_READ,   /* the row, as the store has it or had it lately */
    MEMBER_ASK_CHANGE, /* write `to` if the row is `from` */
    MEMBER_ASK_TOUCH,  /* write `to` if the row is `to` */
};

enum member_outcome {
    MEMBER_MATCHED, /* the row was read, or written */
    MEMBER_OTHER,   /* the row was another one; nothing was written */
    MEMBER_UNKNOWN, /* no answer: it may have been written, or be written later */
};

/* A question for the store. */
struct member_ask {
    enum member_ask_kind kind;
    struct member_row from, to;
};

struct member_change {
    bool pending;
    bool touches; /* `from` is gone: is the row `to`? */
    struct member_row from, to;
};

enum member_changed {
    MEMBER_CHANGE_OPEN,  /* ask again */
    MEMBER_CHANGE_MADE,  /* by this very question */
    MEMBER_CHANGE_FOUND, /* the row is `to`, by an earlier question, perhaps of an earlier start */
    MEMBER_CHANGE_LOST,  /* somebody else has changed the row */
};

/* `to` has the next epoch. No other change may be pending. */
void member_change_begin(struct member_change *change, const struct member_row *from, const struct member_row *to);
/* The question to ask now, while a change is pending. */
void member_change_ask(const struct member_change *change, struct member_ask *ask);
enum member_changed member_change_on_answer(struct member_change *change, enum member_outcome outcome);

#endif
