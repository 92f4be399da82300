/*
 * Dead letters for HTTP: a page of them, and one that is stored again after its cause was fixed. The caller's thread
 * waits for the store.
 */
#ifndef COUPOND_READING_LETTERS_H
#define COUPOND_READING_LETTERS_H

#include <stdatomic.h>

#include "gateway/reading/page.h"
#include "gateway/reading/question.h"
#include "shared/options/options.h"
#include "shared/store/store.h"

/* READING_LETTERS: reads a page as JSON into page->text. */
enum store_result reading_letters_read(struct store *store, const struct reading_question *question,
                                       struct reading_page *page, struct error *error);

/*
 * READING_LETTER: stores the letter's record, over a connection of its own, because that of the readers only reads.
 * STORE_OK when page->letter says what became of it; the reason of a refusal is in page->text, with a NUL. Waits for
 * the end of faults that pass, until `dropped`.
 */
enum store_result reading_letter_store(const struct options *options, const struct reading_question *question,
                                       struct reading_page *page, const _Atomic bool *dropped, struct error *error);

#endif
