/*
 * The terminal of the live view: an alternate screen and unbuffered keys; restores the previous state at the end. Uses
 * plain ANSI sequences. Main thread only; one at a time.
 */
#ifndef COUPOND_TOP_TERMINAL_H
#define COUPOND_TOP_TERMINAL_H

#include <stdbool.h>

#include "coupond/top/canvas.h"

/* Sets up the terminal; reads keys from standard input if that is a terminal, too. */
void top_terminal_begin(void);
/* Restores the terminal. No effect when it was not set up. */
void top_terminal_end(void);
/* Rows and columns; 24 and 80 when the terminal does not report them. */
void top_terminal_size(int *rows, int *columns);
/* Shows a canvas; `wipe` clears the screen first. False when the terminal is gone. */
bool top_terminal_show(const struct canvas *canvas, const struct canvas_look *look, bool wipe);
/* The descriptor to wait for keys; -1: none. */
int top_terminal_keys_fd(void);
/* Reads the bytes of pressed keys; `length` is 0 when there are none. False when no more will come. */
bool top_terminal_read_keys(char *bytes, size_t size, size_t *length);

#endif
