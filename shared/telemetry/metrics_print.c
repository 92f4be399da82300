#include "shared/telemetry/metrics_print.h"

#include <stdbool.h>

#include "shared/telemetry/process_stats.h"

/* Escapes for the text format: \ and newline, in label values also ". */
static void print_escaped(FILE *out, const char *text, bool is_label)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '\\' || (is_label && *text == '"'))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
    }
}

void metrics_print_head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP %s ", name);
    print_escaped(out, help, false);
    fprintf(out, "\n# TYPE %s %s\n", name, type);
}

void metrics_print_labels(FILE *out, int partition, const struct metrics_label *labels, unsigned count)
{
    const char *separator = "{";
    if (partition >= 0) {
        fprintf(out, "{partition=\"%d\"", partition);
        separator = ",";
    }
    for (unsigned i = 0; i < count; i++) {
        fprintf(out, "%s%s=\"", separator, labels[i].key);
        print_escaped(out, labels[i].value, true);
        fputc('"', out);
        separator = ",";
    }
    if (*separator == ',')
        fputc('}', out);
}

void metrics_print_plain(FILE *out, const char *name, const char *type, const char *help, double value)
{
    metrics_print_head(out, name, type, help);
    fprintf(out, "%s %.15g\n", name, value);
}

void metrics_print_process(FILE *out)
{
    struct process_stats stats;
    process_stats_read(&stats);
    metrics_print_plain(out, "process_cpu_seconds_total", "counter", "user and system time spent", stats.cpu_seconds);
    metrics_print_plain(out, "process_resident_memory_bytes", "gauge", "memory in RAM", (double)stats.resident_bytes);
    metrics_print_plain(out, "process_virtual_memory_bytes", "gauge", "memory mapped", (double)stats.virtual_bytes);
    metrics_print_plain(out, "process_open_fds", "gauge", "open file descriptors", (double)stats.open_fds);
    metrics_print_plain(out, "process_max_fds", "gauge", "limit of open file descriptors", (double)stats.max_fds);
    metrics_print_plain(out, "process_threads", "gauge", "threads", (double)stats.threads);
    metrics_print_plain(out, "process_start_time_seconds", "gauge", "start time of the process in seconds since 1970",
                        stats.start_time_seconds);
}

void metrics_print_build(FILE *out)
{
    struct metrics_label version = {"version", COUPOND_VERSION};
    metrics_print_head(out, "coupond_build_info", "gauge", "always 1; the version is a label");
    fputs("coupond_build_info", out);
    metrics_print_labels(out, -1, &version, 1);
    fputs(" 1\n", out);
}
