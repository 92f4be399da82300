/*
 * A screen of text in memory: cells that hold one character and one style each. Whatever is put on it stays within its
 * bounds, and nothing that a terminal would take for a command gets out of it: control characters and bytes that are no
 * UTF-8 become question marks. Pure.
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

/* How a canvas is written. */
struct canvas_look {
    bool colors;   /* else no styles */
    bool unicode;  /* else µ, bars and dashes are put into ASCII */
    bool terminal; /* each line overwrites one of a terminal, from its upper left corner on; else trimmed lines */
};

/* Empty; rows and columns beyond the bounds are cut to them. */
void canvas_init(struct canvas *canvas, int rows, int columns);
/* Puts UTF-8 text at a place and returns the column behind it; what is outside is cut off. Only characters of one
 * column up to U+FFFF are known, others become question marks. */
int canvas_put(struct canvas *canvas, int row, int column, enum canvas_style style, const char *text);
/* The same, so that the text ends before `end`, and begins no further left than `from`. */
void canvas_put_right(struct canvas *canvas, int row, int from, int end, enum canvas_style style, const char *text);
/* The same as canvas_put(), but nothing from column `end` on; what is cut ends in "…". */
void canvas_put_within(struct canvas *canvas, int row, int column, int end, enum canvas_style style, const char *text);
/* The same for names: what is too long loses its middle, since many differ only at the end. */
void canvas_put_name(struct canvas *canvas, int row, int column, int end, enum canvas_style style, const char *text);
/* Gives all cells of a row a style. */
void canvas_style_row(struct canvas *canvas, int row, enum canvas_style style);

void canvas_write(const struct canvas *canvas, const struct canvas_look *look, FILE *out);

#endif
