# cmake -D root=DIR -D out=documents.c -D version=N -P embed.cmake makes a C source of the documents in documents.cmake.
# The assembler reads the files, so that large ones cost nothing. Pages and their parts are there a second time,
# compressed, unless they are tiny.
include(${CMAKE_CURRENT_LIST_DIR}/documents.cmake)

set(policy "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors")
set(contents "")
set(compressed "")
set(rows "")
set(number 0)
find_program(gzip gzip)

# Embeds `file` and appends to `var` the row of a document with its path, header lines and compressed form.
function(embed var path file fields gzip_row)
  file(SIZE "${file}" length)
  file(SHA256 "${file}" hash)
  string(SUBSTRING "${hash}" 0 42 tag) # with the quotes, ETAG_LENGTH characters
  string(APPEND contents "__asm__(\".section .rodata\\ndocument_${number}: .incbin \\\"${file}\\\"\\n.previous\");
extern const char document_${number}[] __attribute__((visibility(\"hidden\")));\n")
  string(APPEND contents "_Static_assert(sizeof \"\\\"${tag}\\\"\" == ETAG_LENGTH + 1, \"a tag of the usual length\");\n")
  string(APPEND ${var} "    {\"${path}\", document_${number}, ${length}, \"\\\"${tag}\\\"\",
     \"ETag: \\\"${tag}\\\"\\r\\n\" ${fields}, ${gzip_row}},\n")
  math(EXPR next "${number} + 1")
  set(contents "${contents}" PARENT_SCOPE)
  set(${var} "${${var}}" PARENT_SCOPE)
  set(number ${next} PARENT_SCOPE)
endfunction()

set(compressed_count 0)
foreach(document IN LISTS documents)
  string(REPLACE "|" ";" parts "${document}")
  list(GET parts 0 path)
  list(GET parts 1 type)
  list(GET parts 2 file)
  set(more "")
  set(row NULL)
  if(type MATCHES "^text/")
    string(APPEND type "; charset=utf-8")
  endif()
  if(file MATCHES "\\.in$")
    configure_file("${file}" "${out}.${number}" @ONLY)
    get_filename_component(file "${out}.${number}" ABSOLUTE)
  endif()
  set(fields "\"Content-Type: ${type}\\r\\n\" DOCUMENT_FIELDS")
  if(type MATCHES "^text/html")
    set(ancestors "'none'")
    if(path STREQUAL "/events") # pages of the same origin may show an event in a frame
      set(ancestors "'self'")
    endif()
    string(APPEND fields "\n     \"Content-Security-Policy: ${policy} ${ancestors}\\r\\nReferrer-Policy: no-referrer\\r\\n\"")
  endif()
  file(SIZE "${file}" size)
  if(gzip AND NOT path STREQUAL "/openapi.json" AND size GREATER 1023)
    string(APPEND fields "\n     \"Vary: Accept-Encoding\\r\\n\"")
    execute_process(COMMAND ${gzip} -9nc "${file}" OUTPUT_FILE "${out}.${number}.gz" COMMAND_ERROR_IS_FATAL ANY)
    get_filename_component(small "${out}.${number}.gz" ABSOLUTE)
    embed(compressed "${path}" "${small}" "${fields} \"Content-Encoding: gzip\\r\\n\"" NULL)
    set(row "&compressed[${compressed_count}]")
    math(EXPR compressed_count "${compressed_count} + 1")
  endif()
  embed(rows "${path}" "${file}" "${fields}" "${row}")
endforeach()
if(compressed)
  set(compressed "static const struct document compressed[] = {\n${compressed}};\n")
endif()

list(LENGTH documents count)
file(WRITE "${out}" "#include \"gateway/api/document.h\"

#include \"gateway/http/etag.h\"

${contents}
${compressed}
const struct document documents[] = {
${rows}};
const size_t document_count = ${count};
")
