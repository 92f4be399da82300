/*
 * coupond_manual generates the manual pages and the completion for bash from the tables of the program during the
 * build. A template in this folder contains the fixed text; each line @NAME@ in it is replaced by a part printed here.
 * One thread.
 */
#ifndef COUPOND_MANUAL_H
#define COUPOND_MANUAL_H

#include <stdio.h>

/* --- manual/commands.c: coupond(1) --- */

void manual_print_commands(FILE *out);
void manual_print_common_options(FILE *out);
void manual_print_general_options(FILE *out);

/* --- manual/options.c: coupond.conf(5) --- */

void manual_print_options(FILE *out);

/* --- manual/completion.c: the completion --- */

/* Words that may come first: commands, and options that replace a command. */
void manual_print_first_words(FILE *out);
/* A branch of a case statement for each command: its words and its options, with the kinds of their values. */
void manual_print_command_arms(FILE *out);
/* Names of all options of a configuration. */
void manual_print_option_names(FILE *out);
/* A branch for each option with known values: its choices, or that it is a file. */
void manual_print_option_arms(FILE *out);

#endif
