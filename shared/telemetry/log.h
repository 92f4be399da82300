/*
 * Log lines to standard error: time, level, component, message, one line an event, safe from any thread (one write(2) a
 * line), as text or for machines (telemetry/log_line.h).
 * `2026-11-21T02:25:00.000000Z info  issuer: recovered partition=0 records=1200`
 */
#ifndef COUPOND_LOG_H
#define COUPOND_LOG_H

#include <stdbool.h>

#include "shared/telemetry/log_line.h"

/* Spelled out because czmq.h includes syslog.h, which defines LOG_DEBUG and others as macros. */
enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
};

/* Drops lines below `level`. Call before other threads start. */
void log_set_level(enum log_level level);
/* Parses "debug", "info", "warn" or "error"; false for anything else. */
bool log_level_parse(const char *name, enum log_level *level);

/* Sets the format of lines. Call before other threads start. */
void log_set_format(enum log_format format);
/* Parses "text", "logfmt" or "json"; false for anything else. */
bool log_format_parse(const char *name, enum log_format *format);

/* The message says what happened in words, followed by key=value fields for machines. Escapes control characters,
 * truncates at 2 KiB, preserves errno. */
void log_write(enum log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(component, ...) log_write(LOG_LEVEL_DEBUG, component, __VA_ARGS__)
#define log_info(component, ...)  log_write(LOG_LEVEL_INFO, component, __VA_ARGS__)
#define log_warn(component, ...)  log_write(LOG_LEVEL_WARN, component, __VA_ARGS__)
#define log_error(component, ...) log_write(LOG_LEVEL_ERROR, component, __VA_ARGS__)

#endif
