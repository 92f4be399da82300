/*
 * coupond_manual makes the manual pages and the completion for bash from the tables of the program, when it is built. A
 * template beside this file has what is written by hand; a line @NAME@ in it stands for a part that is printed here.
 * One thread.
 */
#ifndef COUPOND_MANUAL_H
#define COUPOND_MANUAL_H

#include <stdio.h>

/* --- manual/commands.c: of coupond(1) --- */

void manual_print_commands(FILE *out);
void manual_print_common_options(FILE *out);
void manual_print_general_options(FILE *out);

/* --- manual/options.c: of coupond.conf(5) --- */

void manual_print_options(FILE *out);

/* --- manual/completion.c: of the completion --- */

/* Words that may stand in the place of a command. */
void manual_print_first_words(FILE *out);
/* An arm of a case for each command: its words and its options, with the kinds of their values. */
void manual_print_command_arms(FILE *out);
/* Names of all options of a configuration. */
void manual_print_option_names(FILE *out);
/* An arm for each option whose values are known: the choices, or whether it is a file. */
void manual_print_option_arms(FILE *out);

#endif
