/*
 * The commands of the program. Each gets its arguments with its own name as argv[0], prints its output, and returns the
 * exit status: 0 success, 1 failure, 2 invalid arguments; `verify`, `journal check` and `dead-letter`: 0 kept, 1
 * broken, 2 could not check.
 */
#ifndef COUPOND_COMMANDS_H
#define COUPOND_COMMANDS_H

#define EXIT_USAGE 2

int cmd_dev(int argc, char **argv);
int cmd_gateway(int argc, char **argv);
int cmd_issuer(int argc, char **argv);
int cmd_persister(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_dead_letter(int argc, char **argv);
int cmd_journal(int argc, char **argv);
int cmd_health(int argc, char **argv);
int cmd_keygen(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_top(int argc, char **argv);

#endif
