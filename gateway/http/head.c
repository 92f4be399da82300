#include "gateway/http/head.h"

#include <http_parser.h>

#include "shared/error.h"

enum { STOP = 3 }; /* returned from on_headers_complete: the parser stops there and does not parse the body */

struct head {
    struct http_fields *fields;
    struct span name;
    bool complete;
};

void http_head_init(void)
{
    http_parser_set_max_header_size(UINT32_MAX / 2);
}

static int on_url(http_parser *parser, const char *at, size_t length)
{
    struct head *head = parser->data;
    head->fields->target = (struct span){at, length};
    return 0;
}

static int on_header_field(http_parser *parser, const char *at, size_t length)
{
    struct head *head = parser->data;
    head->name = (struct span){at, length};
    return 0;
}

/* The parser skips white space before a value, and reports an empty one after it has seen the following line.
 * http_fields checks the white space that framing fields must not have. */
static int on_header_value(http_parser *parser, const char *at, size_t length)
{
    struct head *head = parser->data;
    const char *begin = head->name.at + head->name.length + 1;
    size_t skipped = 0;
    while (begin + skipped < at && (begin[skipped] == ' ' || begin[skipped] == '\t'))
        skipped++;
    return http_fields_add(head->fields, head->name, (struct span){begin, skipped + length}) ? 0 : 1;
}

static int on_headers_complete(http_parser *parser)
{
    struct head *head = parser->data;
    head->complete = true;
    return STOP;
}

static enum method method_of(unsigned number)
{
    switch (number) {
    case HTTP_GET:
        return METHOD_GET;
    case HTTP_HEAD:
        return METHOD_HEAD;
    case HTTP_POST:
        return METHOD_POST;
    case HTTP_PUT:
        return METHOD_PUT;
    case HTTP_PATCH:
        return METHOD_PATCH;
    case HTTP_DELETE:
        return METHOD_DELETE;
    case HTTP_OPTIONS:
        return METHOD_OPTIONS;
    default:
        return METHOD_OTHER;
    }
}

/* Maps the parser's error to a status, unless one of our checks stopped it. */
static void refuse(struct http_fields *fields, enum http_errno number)
{
    if (fields->status != 0)
        return;
    fields->status = number == HPE_INVALID_METHOD || number == HPE_INVALID_TRANSFER_ENCODING ? 501 : 400;
    fields->reason = number == HPE_INVALID_METHOD ? "the method is unknown" : http_errno_description(number);
}

bool http_head_parse(const char *data, size_t size, struct http_fields *fields)
{
    static const http_parser_settings settings = {
        .on_url = on_url,
        .on_header_field = on_header_field,
        .on_header_value = on_header_value,
        .on_headers_complete = on_headers_complete,
    };
    struct head head = {.fields = fields};
    http_parser parser;

    http_parser_init(&parser, HTTP_REQUEST);
    parser.data = &head;
    size_t parsed = http_parser_execute(&parser, &settings, data, size);
    if (head.complete && parsed != size - 1) { /* the parser stops at the last LF; no byte before it may be skipped */
        fields->status = 400;
        fields->reason = "the header section ends early";
        return false;
    }
    if (!head.complete) {
        refuse(fields, HTTP_PARSER_ERRNO(&parser));
        return false;
    }
    fields->method = method_of(parser.method);
    return http_fields_finish(fields);
}
