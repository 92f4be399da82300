/*
 * Text for a manual page in the macros of man(7).
 */
#ifndef COUPOND_MANUAL_ROFF_H
#define COUPOND_MANUAL_ROFF_H

#include <stdio.h>

/* Escapes what roff would take for its own. A hyphen becomes a minus, which can be copied, as names and paths need. */
void roff_print_literal(FILE *out, const char *text);
/* A literal in bold type. */
void roff_print_bold(FILE *out, const char *text);
/* Lines of prose, the last one with its end: words that begin with -- and `words in backquotes` in bold type, hyphens
 * in other words as such, a sentence beginning on a line of its own. */
void roff_print_prose(FILE *out, const char *text);
/* A usage such as "dump|check DIR" or "[--set section/name=value]…": what is to be typed in bold type, what stands for
 * something in italics. */
void roff_print_usage(FILE *out, const char *text);

#endif
