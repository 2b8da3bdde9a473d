/*
 * A plugin of QEMU (docs/devel/tcg-plugins of its sources) that counts the instructions its guest
 * executes, for tools/bench-guest.py. The count is in a file that is shared memory, so that it can
 * be read while the guest runs:
 *
 *     qemu-system-x86_64 -plugin build/qemu_count.so,counter=FILE ...
 *
 * Distributions have plugins switched on in their QEMU, but no package with their header: what is
 * used of the interface is declared here. PLUGIN_VERSION is 1 up to QEMU 8, and 2 from 9 on;
 * nothing of this part has changed between them.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORTED __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct plugin_tb; /* a block of translated code */
typedef void translated_fn(plugin_id id, struct plugin_tb *tb);
typedef void executed_fn(unsigned vcpu, void *arg);
enum plugin_registers { /* of the guest, that a callback looks at */
                        PLUGIN_REGISTERS_NONE,
};

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, translated_fn *fn);
size_t qemu_plugin_tb_n_insns(const struct plugin_tb *tb);
void qemu_plugin_register_vcpu_tb_exec_cb(struct plugin_tb *tb, executed_fn *fn,
                                          enum plugin_registers registers, void *arg);

extern EXPORTED int qemu_plugin_version;
EXPORTED int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

int qemu_plugin_version = PLUGIN_VERSION;

static volatile uint64_t *counter; /* one processor: nobody else writes */

/* A block counts as a whole, also when an exception leaves it half-way. */
static void executed(unsigned vcpu, void *arg)
{
    *counter += (uintptr_t)arg;
}

static void translated(plugin_id id, struct plugin_tb *tb)
{
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, PLUGIN_REGISTERS_NONE,
                                         (void *)qemu_plugin_tb_n_insns(tb));
}

int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    static const char key[] = "counter=";
    if (argc != 1 || strncmp(argv[0], key, sizeof(key) - 1) != 0) {
        fprintf(stderr, "qemu_count: wants counter=FILE\n");
        return -1;
    }
    int fd = open(argv[0] + sizeof(key) - 1, O_RDWR | O_CREAT, 0600);
    void *at = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof(*counter)) == 0) {
        at = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (at == MAP_FAILED) {
        perror(argv[0]);
        return -1;
    }
    close(fd);
    counter = at;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
