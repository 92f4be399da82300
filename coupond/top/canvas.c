#include "coupond/top/canvas.h"

#include <string.h>

#define ELLIPSIS 0x2026

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

void canvas_init(struct canvas *canvas, int rows, int columns)
{
    canvas->rows = clamp(rows, 1, CANVAS_ROWS_MAX);
    canvas->columns = clamp(columns, 1, CANVAS_COLUMNS_MAX);
    for (int row = 0; row < canvas->rows; row++) {
        for (int column = 0; column < canvas->columns; column++) {
            canvas->cells[row][column].character = ' ';
            canvas->cells[row][column].style = CANVAS_PLAIN;
        }
    }
}

/* Characters that are one column wide on every terminal and not control characters: ASCII, Latin-1, and those of our
 * own texts. */
static bool is_known(uint32_t character)
{
    return (character >= ' ' && character <= '~') || (character > 0xa0 && character <= 0xff && character != 0xad) ||
           (character >= 0x2010 && character <= 0x2026) || (character >= 0x2580 && character <= 0x259f);
}

static bool continues(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Takes one character; '?' for unsupported ones. */
static uint16_t take_character(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    uint32_t character = at[0];
    int length = 1;
    if (at[0] >= 0xc2 && at[0] < 0xe0 && continues(at[1])) {
        character = (uint32_t)(at[0] & 0x1f) << 6 | (at[1] & 0x3f);
        length = 2;
    } else if (at[0] >= 0xe0 && at[0] < 0xf0 && continues(at[1]) && continues(at[2])) {
        character = (uint32_t)(at[0] & 0x0f) << 12 | (uint32_t)(at[1] & 0x3f) << 6 | (at[2] & 0x3f);
        length = 3;
    } else if (at[0] >= 0x80) {
        character = '?';
    }
    *text += length;
    return is_known(character) ? (uint16_t)character : '?';
}

static void set_cell(struct canvas *canvas, int row, int column, enum canvas_style style, uint16_t character)
{
    if (row < 0 || row >= canvas->rows || column < 0 || column >= canvas->columns)
        return;
    canvas->cells[row][column].character = character;
    canvas->cells[row][column].style = (uint8_t)style;
}

int canvas_put(struct canvas *canvas, int row, int column, enum canvas_style style, const char *text)
{
    while (*text != '\0' && column < CANVAS_COLUMNS_MAX)
        set_cell(canvas, row, column++, style, take_character(&text));
    return column;
}

static int columns_of(const char *text)
{
    int columns = 0;
    for (; *text != '\0'; columns++)
        take_character(&text);
    return columns;
}

void canvas_put_right(struct canvas *canvas, int row, int from, int end, enum canvas_style style, const char *text)
{
    int column = end - columns_of(text);
    canvas_put_within(canvas, row, column < from ? from : column, end, style, text);
}

void canvas_put_within(struct canvas *canvas, int row, int column, int end, enum canvas_style style, const char *text)
{
    while (*text != '\0' && column < end) {
        uint16_t character = take_character(&text);
        bool is_cut = column == end - 1 && *text != '\0';
        set_cell(canvas, row, column++, style, is_cut ? ELLIPSIS : character);
    }
}

void canvas_put_name(struct canvas *canvas, int row, int column, int end, enum canvas_style style, const char *text)
{
    int room = end - column, length = columns_of(text);
    if (length <= room || room < 3) {
        canvas_put_within(canvas, row, column, end, style, text);
        return;
    }
    int head = room / 2, tail = room - head - 1;
    for (int i = 0; i < length; i++) {
        uint16_t character = take_character(&text);
        if (i < head)
            set_cell(canvas, row, column + i, style, character);
        else if (i >= length - tail)
            set_cell(canvas, row, end - length + i, style, character);
    }
    set_cell(canvas, row, column + head, style, ELLIPSIS);
}

void canvas_style_row(struct canvas *canvas, int row, enum canvas_style style)
{
    for (int column = 0; row >= 0 && row < canvas->rows && column < canvas->columns; column++)
        canvas->cells[row][column].style = (uint8_t)style;
}

/* --- writing --- */

static const char *ascii_of(uint16_t character)
{
    if (character == 0xb5)
        return "u";
    if (character == ELLIPSIS)
        return "~";
    if (character >= 0x2010 && character <= 0x2015)
        return "-";
    if (character == 0x2591)
        return ".";
    if (character >= 0x2580 && character <= 0x259f)
        return "#";
    return "?";
}

static void write_character(uint16_t character, bool unicode, FILE *out)
{
    if (character < 0x80) {
        fputc(character, out);
    } else if (!unicode) {
        fputs(ascii_of(character), out);
    } else if (character < 0x800) {
        fputc(0xc0 | character >> 6, out);
        fputc(0x80 | (character & 0x3f), out);
    } else {
        fputc(0xe0 | character >> 12, out);
        fputc(0x80 | (character >> 6 & 0x3f), out);
        fputc(0x80 | (character & 0x3f), out);
    }
}

static void write_style(enum canvas_style style, FILE *out)
{
    static const char *const codes[] = {
        [CANVAS_PLAIN] = "\033[0m",   [CANVAS_BOLD] = "\033[0;1m",  [CANVAS_DIM] = "\033[0;2m",
        [CANVAS_GOOD] = "\033[0;32m", [CANVAS_WARN] = "\033[0;33m", [CANVAS_BAD] = "\033[0;1;31m",
        [CANVAS_HEAD] = "\033[0;7m",
    };
    fputs(codes[style], out);
}

/* The number of columns up to the last visible one. */
static int used_columns(const struct canvas *canvas, int row, bool colors)
{
    int used = canvas->columns;
    while (used > 0 && canvas->cells[row][used - 1].character == ' ' &&
           !(colors && canvas->cells[row][used - 1].style == CANVAS_HEAD))
        used--;
    return used;
}

static void write_row(const struct canvas *canvas, int row, const struct canvas_look *look, FILE *out)
{
    enum canvas_style style = CANVAS_PLAIN;
    int used = used_columns(canvas, row, look->colors);
    for (int column = 0; column < used; column++) {
        enum canvas_style wanted = (enum canvas_style)canvas->cells[row][column].style;
        if (look->colors && wanted != style)
            write_style(wanted, out);
        style = wanted;
        write_character(canvas->cells[row][column].character, look->unicode, out);
    }
    if (look->colors && style != CANVAS_PLAIN)
        write_style(CANVAS_PLAIN, out);
    if (look->terminal && used < canvas->columns)
        fputs("\033[K", out);
}

void canvas_write(const struct canvas *canvas, const struct canvas_look *look, FILE *out)
{
    int last = canvas->rows - 1;
    while (!look->terminal && last > 0 && used_columns(canvas, last, look->colors) == 0)
        last--;
    if (look->terminal)
        fputs("\033[H", out);
    for (int row = 0; row <= last; row++) {
        write_row(canvas, row, look, out);
        if (!look->terminal)
            fputc('\n', out);
        else if (row < last)
            fputs("\r\n", out);
    }
}
