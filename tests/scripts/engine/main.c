/*
 * build/test/scripts [--linux] [script.ps ...]: plays packet scripts, all of tests/scripts when
 * none is named, and prints the counts as cmocka does. Against the stack under test each script
 * runs for several pairs of initial sequence numbers around the wrap, and timestamps with them.
 */
// LINK: tests/scripts/engine/*.c tests/unit/net_fixture.c net/*.c kernel/p[ko]*.c kernel/timer.c
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/scripts/engine/backend.h"

enum {
    SCRIPTS_MAX = 2000,
    FOLDERS_OPEN = 8,
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

static bool run_script(const char *path, char why[PS_TEXT_MAX * 4])
{
    struct ps_script s;
    bool good = ps_script_read(&s, path);
    if (!good) {
        snprintf(why, PS_TEXT_MAX * 4, "%s", s.error);
    } else {
        good = play_pairs(&s, why);
    }
    ps_script_free(&s);
    return good;
}

int main(int argc, char **argv)
{
    char why[PS_TEXT_MAX * 4];
    size_t bad = 0;
    collect(argc - 1, argv + 1);
    for (size_t i = 0; i < name_count; i++) {
        bool good = run_script(names[i], why);
        printf("[ %s ] %s\n", good ? "      OK" : "  FAILED", names[i]);
        if (!good) {
            printf("%s\n", why);
            bad++;
        }
        fflush(stdout);
    }
    printf("[  PASSED  ] %zu test(s).\n", name_count - bad);
    if (bad > 0) {
        printf("[  FAILED  ] %zu test(s).\n", bad);
    }
    for (size_t i = 0; i < name_count; i++) {
        free(names[i]);
    }
    return bad > 0;
}
