/*
 * build/test/scripts [--linux] [script.ps ...]: plays packet scripts, all of tests/scripts when
 * none is named, and prints the counts as cmocka does. Against the stack under test each script
 * runs for several pairs of initial sequence numbers around the wrap, and timestamps with them.
 */
// LINK: tests/scripts/engine/*.c tests/unit/net_fixture.c @net kernel/p[ko]*.c kernel/timer.c
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/scripts/engine/backend.h"

enum {
    SCRIPTS_MAX = 2000,
    FOLDERS_OPEN = 8,
    LINUX_AT_ONCE = 10,
};

/* Also the exit code of a process that plays one script. */
enum outcome {
    OUTCOME_PASSED,
    OUTCOME_FAILED,
    OUTCOME_SKIPPED,
};

/* The bytes before and at the wrap of the sequence space, of its half, and plain numbers. */
static const struct ps_run runs[] = {
    {1000, 500000, 100, 700},
    {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX},
    {UINT32_MAX - 1, 0, 0, UINT32_MAX - 1},
    {0, UINT32_MAX - 3, UINT32_MAX - 20, 5},
    {UINT32_MAX - 9, 7, UINT32_MAX - 300, UINT32_MAX - 300},
    {10, UINT32_MAX - 1500, 0x7fffffff, 0x7fffffff},
    {UINT32_MAX - 3000, 10, 0x80000000u, 0x7ffffff0},
    {0x7fffffff, 0x80000000u, UINT32_MAX - 1, 1},
    {0x7ffffffeu - 1460, 0x7fffff00u, 3, 0x80000000u},
};

static char *names[SCRIPTS_MAX];
static size_t name_count;

static int on_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    size_t len = strlen(path);
    if (type == FTW_F && len > 3 && strcmp(path + len - 3, ".ps") == 0 &&
        name_count < SCRIPTS_MAX) {
        names[name_count++] = strdup(path);
    }
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void collect(int count, char **paths)
{
    char *all[] = {"tests/scripts"};
    if (count == 0) {
        paths = all;
        count = 1;
    }
    for (int i = 0; i < count; i++) {
        size_t before = name_count;
        if (nftw(paths[i], on_file, FOLDERS_OPEN, FTW_PHYS) != 0 || name_count == before) {
            fprintf(stderr, "%s: no script there; allowed are *.ps files and folders\n", paths[i]);
            exit(2);
        }
    }
    qsort(names, name_count, sizeof(names[0]), by_name);
}

static bool play_pairs(const struct ps_script *s, char why[PS_TEXT_MAX * 4])
{
    bool fixed = s->config[PS_CONFIG_ISS] >= 0 || s->config[PS_CONFIG_IRS] >= 0;
    for (size_t i = 0; i < (fixed ? 1 : ARRAY_SIZE(runs)); i++) {
        struct ps_run run = runs[i];
        if (fixed) {
            run.iss = (uint32_t)(s->config[PS_CONFIG_ISS] >= 0 ? s->config[PS_CONFIG_ISS] : 1000);
            run.irs = (uint32_t)(s->config[PS_CONFIG_IRS] >= 0 ? s->config[PS_CONFIG_IRS] : 5000);
        }
        if (!ps_play(s, &ps_backend_ours, &run, why)) {
            size_t len = strlen(why);
            snprintf(why + len, PS_TEXT_MAX * 4 - len, "\n  (iss %u irs %u ts %u peer's ts %u)",
                     run.iss, run.irs, run.ts_ours, run.ts_peer);
            return false;
        }
    }
    return true;
}

/* Against Linux: once, for its numbers are its own. What is declared to differ must differ. */
static bool play_linux(const struct ps_script *s, char why[PS_TEXT_MAX * 4])
{
    struct ps_run run = {.iss = 0, .irs = 500000, .ts_peer = 700};
    bool good = ps_play(s, &ps_backend_linux, &run, why);
    if (s->differs_on_linux[0] == '\0') {
        return good;
    }
    if (good) {
        snprintf(why, PS_TEXT_MAX * 4, "%s: differs-on-linux is declared, but it does not differ",
                 s->path);
        return false;
    }
    printf("  differs, as declared:%s\n  %s\n", s->differs_on_linux, why);
    return true;
}

static enum outcome run_script(const char *path, bool on_linux, char why[PS_TEXT_MAX * 4])
{
    struct ps_script s;
    enum outcome outcome = OUTCOME_FAILED;
    if (!ps_script_read(&s, path)) {
        snprintf(why, PS_TEXT_MAX * 4, "%s", s.error);
    } else if (on_linux && s.only_ours[0] != '\0') {
        outcome = OUTCOME_SKIPPED;
        snprintf(why, PS_TEXT_MAX * 4, "  only ours:%s", s.only_ours);
    } else if (on_linux ? play_linux(&s, why) : play_pairs(&s, why)) {
        outcome = OUTCOME_PASSED;
        why[0] = '\0';
    }
    ps_script_free(&s);
    return outcome;
}

static enum outcome report_script(const char *path, bool on_linux)
{
    static const char *const words[] = {"      OK", "  FAILED", " SKIPPED"};
    char why[PS_TEXT_MAX * 4];
    enum outcome outcome = run_script(path, on_linux, why);
    printf("[ %s ] %s\n%s%s", words[outcome], path, why, why[0] != '\0' ? "\n" : "");
    fflush(stdout);
    return outcome;
}

/* In real time a script mostly waits: several at once, each in a process and a namespace. */
static void run_all_on_linux(size_t counts[3])
{
    size_t started = 0;
    size_t running = 0;
    while (started < name_count || running > 0) {
        if (started < name_count && running < LINUX_AT_ONCE) {
            fflush(stdout);
            if (fork() == 0) {
                exit((int)report_script(names[started], true));
            }
            started++;
            running++;
            continue;
        }
        int status = 0;
        wait(&status);
        running--;
        counts[WIFEXITED(status) && WEXITSTATUS(status) <= OUTCOME_SKIPPED ? WEXITSTATUS(status)
                                                                           : OUTCOME_FAILED]++;
    }
}

int main(int argc, char **argv)
{
    size_t counts[3] = {0};
    bool on_linux = argc > 1 && strcmp(argv[1], "--linux") == 0;
    collect(argc - 1 - on_linux, argv + 1 + on_linux);
    if (on_linux) {
        run_all_on_linux(counts);
    } else {
        for (size_t i = 0; i < name_count; i++) {
            counts[report_script(names[i], false)]++;
        }
    }
    printf("[  PASSED  ] %zu test(s).\n", counts[OUTCOME_PASSED]);
    if (counts[OUTCOME_SKIPPED] > 0) {
        printf("[  SKIPPED ] %zu test(s).\n", counts[OUTCOME_SKIPPED]);
    }
    if (counts[OUTCOME_FAILED] > 0) {
        printf("[  FAILED  ] %zu test(s).\n", counts[OUTCOME_FAILED]);
    }
    for (size_t i = 0; i < name_count; i++) {
        free(names[i]);
    }
    return counts[OUTCOME_FAILED] > 0;
}
