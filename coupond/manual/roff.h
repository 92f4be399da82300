/*
 * Prints text as roff for a manual page, with the macros of man(7).
 */
#ifndef COUPOND_MANUAL_ROFF_H
#define COUPOND_MANUAL_ROFF_H

#include <stdio.h>

/* Escapes roff's special characters. A hyphen becomes a minus, because names and paths must be copyable. */
void roff_print_literal(FILE *out, const char *text);
/* A literal in bold type. */
void roff_print_bold(FILE *out, const char *text);
/* Prints lines of prose and a final newline. Words that begin with -- and `words in backquotes` are bold, hyphens in
 * other words stay hyphens, and each sentence begins on a new line. */
void roff_print_prose(FILE *out, const char *text);
/* Prints a usage such as "dump|check DIR" or "[--set section/name=value]…", literals in bold type and placeholders in
 * italics. */
void roff_print_usage(FILE *out, const char *text);

#endif
