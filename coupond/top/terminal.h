/*
 * The terminal under the live view of `coupond top`: its own screen, keys as they are pressed, and everything as it was
 * at the end. By plain ANSI sequences. Main thread only; one at a time.
 */
#ifndef COUPOND_TOP_TERMINAL_H
#define COUPOND_TOP_TERMINAL_H

#include <stdbool.h>

#include "coupond/top/canvas.h"

/* Takes the terminal over; keys come from standard input where that is one, too. */
void top_terminal_begin(void);
/* Gives it back. Nothing when it was not taken. */
void top_terminal_end(void);
/* Rows and columns, 24 and 80 where the terminal does not tell. */
void top_terminal_size(int *rows, int *columns);
/* Shows a canvas; `wipe` clears what stood there before. False when the terminal is gone. */
bool top_terminal_show(const struct canvas *canvas, const struct canvas_look *look, bool wipe);
/* Where keys can be waited for; -1: nowhere. */
int top_terminal_keys_fd(void);
/* Takes the bytes of keys that were pressed; `length` is 0 when there were none. False when there will be no more. */
bool top_terminal_read_keys(char *bytes, size_t size, size_t *length);

#endif
