/*
 * A server that ends the machine when a client tells it to, with one letter: r (reboot), p (power
 * off), h (halt); x is a command that there is not. For tests/system/test_power.py.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PORT = 80,
};

static void end(char letter)
{
    switch (letter) {
    case 'r':
        (void)reboot(RB_AUTOBOOT);
        break;
    case 'p':
        (void)reboot((int)RB_POWER_OFF);
        break;
    case 'h':
        (void)reboot((int)RB_HALT_SYSTEM);
        break;
    default:
        printf("ending: reboot(1) gives %d, %s\n", reboot(1), strerror(errno));
        return;
    }
    printf("ending: FAILED: it goes on: %s\n", strerror(errno));
}

int main(void)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORT)};
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(listener, 4) != 0) {
        printf("ending: FAILED: %s\n", strerror(errno));
        return 1;
    }
    printf("ending: listening\n");
    for (;;) {
        int client = accept(listener, NULL, NULL);
        char letter = '\0';
        if (client >= 0 && read(client, &letter, 1) == 1) {
            (void)!write(client, "bye\n", 4);
            end(letter);
        }
        (void)close(client);
    }
}
