#include "coupond/http/response.h"

#include <string.h>

static int on_body(http_parser *parser, const char *at, size_t length)
{
    struct http_response *response = parser->data;
    if (length > response->body_max - response->body_length)
        return 1;
    memcpy(response->body + response->body_length, at, length);
    response->body_length += length;
    return 0;
}

/* Stops the parser, which would otherwise skip empty lines after the end. */
static int on_message_complete(http_parser *parser)
{
    struct http_response *response = parser->data;
    response->status = (int)parser->status_code;
    response->keep_alive = http_should_keep_alive(parser) != 0;
    response->state = HTTP_RESPONSE_DONE;
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

void http_response_init_room(struct http_response *response, char *room, size_t size)
{
    http_parser_init(&response->parser, HTTP_RESPONSE);
    response->parser.data = response;
    response->state = HTTP_RESPONSE_MORE;
    response->status = 0;
    response->keep_alive = false;
    response->body_length = 0;
    response->body_max = size;
    response->body = room;
}

void http_response_init(struct http_response *response)
{
    http_response_init_room(response, response->own_body, sizeof response->own_body);
}

static bool sound(const struct http_response *response)
{
    enum http_errno fault = HTTP_PARSER_ERRNO(&response->parser);
    return fault == HPE_OK || (fault == HPE_PAUSED && response->state == HTTP_RESPONSE_DONE);
}

enum http_response_state http_response_feed(struct http_response *response, const char *data, size_t length)
{
    if (length == 0)
        return response->state;
    bool more = response->state == HTTP_RESPONSE_MORE;
    if (!more || http_parser_execute(&response->parser, &settings, data, length) != length || !sound(response))
        response->state = HTTP_RESPONSE_BAD;
    return response->state;
}

enum http_response_state http_response_end(struct http_response *response)
{
    if (response->state == HTTP_RESPONSE_MORE)
        http_parser_execute(&response->parser, &settings, NULL, 0);
    if (response->state != HTTP_RESPONSE_DONE || !sound(response))
        response->state = HTTP_RESPONSE_BAD;
    response->keep_alive = false;
    return response->state;
}
