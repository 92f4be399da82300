#include "coupond/top/keys.h"

#include <string.h>

#include "shared/error.h"

static enum top_key key_of_letter(char letter)
{
    switch (letter) {
    case 'A':
        return TOP_KEY_UP;
    case 'B':
        return TOP_KEY_DOWN;
    case 'H':
        return TOP_KEY_HOME;
    case 'F':
        return TOP_KEY_END;
    default:
        return TOP_KEY_NONE;
    }
}

static enum top_key key_of_number(const char *digits, size_t length)
{
    static const struct {
        char digit;
        enum top_key key;
    } keys[] = {{'1', TOP_KEY_HOME}, {'7', TOP_KEY_HOME},    {'4', TOP_KEY_END},
                {'8', TOP_KEY_END},  {'5', TOP_KEY_PAGE_UP}, {'6', TOP_KEY_PAGE_DOWN}};
    for (size_t i = 0; length == 1 && i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].digit == digits[0])
            return keys[i].key;
    }
    return TOP_KEY_NONE;
}

/* ESC [ parameters final, or ESC O final. An incomplete sequence is consumed and ignored. */
static enum top_key read_sequence(const char *bytes, size_t length, size_t *taken)
{
    size_t end = 2;
    while (bytes[1] == '[' && end < length && bytes[end] >= 0x20 && bytes[end] < 0x40)
        end++;
    *taken = end < length ? end + 1 : length;
    if (end >= length)
        return TOP_KEY_NONE;
    if (bytes[end] == '~')
        return key_of_number(bytes + 2, end - 2);
    return end == 2 ? key_of_letter(bytes[end]) : TOP_KEY_NONE;
}

enum top_key top_key_read(const char *bytes, size_t length, size_t *taken)
{
    CHECK(length > 0);
    if (bytes[0] == '\033' && length >= 2 && (bytes[1] == '[' || bytes[1] == 'O'))
        return read_sequence(bytes, length, taken);
    *taken = 1;
    switch (bytes[0]) {
    case 'q':
    case 'Q':
        return TOP_KEY_QUIT;
    case 'k':
        return TOP_KEY_UP;
    case 'j':
        return TOP_KEY_DOWN;
    case ' ':
        return TOP_KEY_PAGE_DOWN;
    default:
        return TOP_KEY_NONE;
    }
}

unsigned top_key_scroll(enum top_key key, unsigned first, unsigned shown, unsigned count)
{
    unsigned last = count > shown ? count - shown : 0;
    unsigned page = shown > 1 ? shown - 1 : 1;
    first = first < last ? first : last;
    switch (key) {
    case TOP_KEY_UP:
        return first > 0 ? first - 1 : 0;
    case TOP_KEY_DOWN:
        return first < last ? first + 1 : last;
    case TOP_KEY_PAGE_UP:
        return first > page ? first - page : 0;
    case TOP_KEY_PAGE_DOWN:
        return last - first > page ? first + page : last;
    case TOP_KEY_HOME:
        return 0;
    case TOP_KEY_END:
        return last;
    default:
        return first;
    }
}
