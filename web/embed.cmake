# cmake -D root=DIR -D out=documents.c -P embed.cmake makes a C source of the documents in documents.cmake. The
# assembler reads the files, so that large ones cost nothing.
include(${CMAKE_CURRENT_LIST_DIR}/documents.cmake)

set(policy "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
set(contents "")
set(rows "")
set(number 0)
foreach(document IN LISTS documents)
  string(REPLACE "|" ";" parts "${document}")
  list(GET parts 0 path)
  list(GET parts 1 type)
  list(GET parts 2 file)
  file(SIZE "${file}" length)
  file(SHA256 "${file}" hash)
  string(SUBSTRING "${hash}" 0 42 tag) # with the quotes, ETAG_LENGTH characters
  set(more "")
  if(type MATCHES "^text/")
    string(APPEND type "; charset=utf-8")
  endif()
  if(type MATCHES "^text/html")
    set(more "\n     \"Content-Security-Policy: ${policy}\\r\\n\"")
  endif()
  string(APPEND contents "__asm__(\".section .rodata\\ndocument_${number}: .incbin \\\"${file}\\\"\\n.previous\");
extern const char document_${number}[] __attribute__((visibility(\"hidden\")));\n")
  string(APPEND contents "_Static_assert(sizeof \"\\\"${tag}\\\"\" == ETAG_LENGTH + 1, \"a tag of the usual length\");\n")
  string(APPEND rows "    {\"${path}\", document_${number}, ${length}, \"\\\"${tag}\\\"\",
     \"Content-Type: ${type}\\r\\nETag: \\\"${tag}\\\"\\r\\n\" DOCUMENT_FIELDS${more}},\n")
  math(EXPR number "${number} + 1")
endforeach()

file(WRITE "${out}" "#include \"gateway/api/document.h\"

#include \"gateway/http/etag.h\"

${contents}
const struct document documents[] = {
${rows}};
const size_t document_count = ${number};
")
