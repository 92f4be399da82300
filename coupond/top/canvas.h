/*
 * A screen of text in memory: each cell holds one character and one style. Writes are clipped to its bounds, and it
 * never outputs terminal commands from its content: control characters and invalid UTF-8 become question marks. Pure.
 */
#ifndef COUPOND_CANVAS_H
#define COUPOND_CANVAS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CANVAS_ROWS_MAX    300
#define CANVAS_COLUMNS_MAX 500

enum canvas_style { CANVAS_PLAIN, CANVAS_BOLD, CANVAS_DIM, CANVAS_GOOD, CANVAS_WARN, CANVAS_BAD, CANVAS_HEAD };

struct canvas {
    int rows;
    int columns;
    struct {
        uint16_t character; /* Unicode; one column wide */
        uint8_t style;
    } cells[CANVAS_ROWS_MAX][CANVAS_COLUMNS_MAX];
};

/* How a canvas is printed. */
struct canvas_look {
    bool colors;   /* false: no styles */
    bool unicode;  /* false: µ, bars and dashes become ASCII */
    bool terminal; /* overwrites the terminal's lines from the upper left corner; false: prints trimmed lines */
};

/* Clears it; limits rows and columns to the maximum. */
void canvas_init(struct canvas *canvas, int rows, int columns);
/* Writes UTF-8 text and returns the column behind it; clips it to the canvas. Supports characters of one column up to
 * U+FFFF; others become question marks. */
int canvas_put(struct canvas *canvas, int row, int column, enum canvas_style style, const char *text);
/* The same, right-aligned: the text ends before `end` and starts at `from` or later. */
void canvas_put_right(struct canvas *canvas, int row, int from, int end, enum canvas_style style, const char *text);
/* Like canvas_put(), but stops before column `end`; a cut text ends in "…". */
void canvas_put_within(struct canvas *canvas, int row, int column, int end, enum canvas_style style, const char *text);
/* The same for names: shortens a long one in the middle, because many names differ only at the end. */
void canvas_put_name(struct canvas *canvas, int row, int column, int end, enum canvas_style style, const char *text);
/* Sets the style of all cells of a row. */
void canvas_style_row(struct canvas *canvas, int row, enum canvas_style style);

void canvas_write(const struct canvas *canvas, const struct canvas_look *look, FILE *out);

#endif
