/*
 * Log lines to standard error: time, level, component, message, one line an event, safe from any thread (one write(2) a
 * line), as text or for machines (telemetry/log_line.h).
 * `2026-11-21T02:25:00.000000Z info  issuer: recovered partition=0 records=1200`
 */
#ifndef COUPOND_LOG_H
#define COUPOND_LOG_H

#include <stdbool.h>

#include "shared/telemetry/log_line.h"

/* Spelled out: czmq.h brings syslog.h, which has LOG_DEBUG and others as macros. */
enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
};

/* Lines below `level` are dropped. Call before the threads start. */
void log_set_level(enum log_level level);
/* Reads "debug", "info", "warn" or "error"; false for anything else. */
bool log_level_parse(const char *name, enum log_level *level);

/* How lines look. Call before the threads start. */
void log_set_format(enum log_format format);
/* Reads "text", "logfmt" or "json"; false for anything else. */
bool log_format_parse(const char *name, enum log_format *format);

/* The message says what happened in words, then key=value for what a machine may want. Control characters are escaped;
 * what does not fit into 2 KiB is cut. errno is left as it was. */
void log_write(enum log_level level, const char *component, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(component, ...) log_write(LOG_LEVEL_DEBUG, component, __VA_ARGS__)
#define log_info(component, ...)  log_write(LOG_LEVEL_INFO, component, __VA_ARGS__)
#define log_warn(component, ...)  log_write(LOG_LEVEL_WARN, component, __VA_ARGS__)
#define log_error(component, ...) log_write(LOG_LEVEL_ERROR, component, __VA_ARGS__)

#endif
