#include "issuer/ledger/term_list.h"

#include <stdlib.h>
#include <string.h>

#include "shared/error.h"

void term_list_init(struct term_list *terms)
{
    *terms = (struct term_list){0};
}

void term_list_deinit(struct term_list *terms)
{
    free(terms->all);
    *terms = (struct term_list){0};
}

void term_list_begin(struct term_list *terms, uint64_t epoch, uint64_t first_seq)
{
    terms->count = 0;
    terms->known_seq = first_seq;
    CHECK(term_list_add(terms, epoch, first_seq));
}

static void forget_first(struct term_list *terms)
{
    terms->count--;
    memmove(terms->all, terms->all + 1, terms->count * sizeof *terms->all);
    terms->known_seq = terms->all[0].first_seq;
}

bool term_list_add(struct term_list *terms, uint64_t epoch, uint64_t first_seq)
{
    struct term last = term_list_last(terms);
    if (terms->count > 0 && epoch == last.epoch && first_seq == last.first_seq)
        return true;
    if (epoch <= last.epoch || first_seq <= last.first_seq)
        return false;
    if (terms->all == NULL)
        terms->all = malloc(TERM_LIST_MAX * sizeof *terms->all);
    CHECK(terms->all != NULL);
    if (terms->count == TERM_LIST_MAX)
        forget_first(terms);
    terms->all[terms->count++] = (struct term){epoch, first_seq};
    return true;
}

struct term term_list_last(const struct term_list *terms)
{
    return terms->count > 0 ? terms->all[terms->count - 1] : (struct term){0};
}

bool term_list_find(const struct term_list *terms, uint64_t seq, uint64_t *term)
{
    *term = 0;
    for (size_t i = terms->count; i > 0; i--) {
        if (terms->all[i - 1].first_seq <= seq) {
            *term = terms->all[i - 1].epoch;
            return true;
        }
    }
    return terms->known_seq == 0;
}
