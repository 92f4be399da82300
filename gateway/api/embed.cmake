# cmake -D IN=api/openapi.json -D OUT=openapi_document.c -P embed.cmake: makes a C source of the contract.
file(READ "${IN}" hex HEX)
file(SHA256 "${IN}" hash)
string(SUBSTRING "${hash}" 0 42 tag) # with the quotes, ETAG_LENGTH characters
string(REGEX REPLACE "(................................)" "\\1\n" lines "${hex}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${lines}")
file(WRITE "${OUT}" "#include \"gateway/api/openapi.h\"

#include \"gateway/http/etag.h\"

static const unsigned char json[] = {
${bytes}
};
static const char etag[] = \"\\\"${tag}\\\"\";
_Static_assert(sizeof etag == ETAG_LENGTH + 1, \"a tag of the usual length\");

const struct openapi_document openapi_document = {(const char *)json, sizeof json, etag};
")
