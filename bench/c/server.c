#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "answer.h"

/*
 * Usage: PROGRAM SOCKET [ARGUMENT...]. A socket map server for the bench: it takes it that each request comes in one read.
 * Compiled with FORKS, it gives each client a process, whose answers may wait.
 */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* Answers one request. 0: the client has gone. */
static int serve(int client) {
    char request[4096], body[4096], reply[8192];
    ssize_t length = read(client, request, sizeof request);
    char *key = length > 0 ? memchr(request, ' ', length) : NULL;
    if (!key++) {
        close(client);
        return 0;
    }
    int written = answer(key, request + length - 1 - key, body, sizeof body);
    int all = snprintf(reply, sizeof reply, "%d:%.*s", written - 1, written, body);
    if (write(client, reply, all) == all) return 1;
    close(client);
    return 0;
}

#ifdef FORKS
static void serve_all(int listener, char **arguments) {
    signal(SIGCHLD, SIG_IGN); /* nobody waits for those that end */
    for (;;) {
        int client = accept(listener, NULL, NULL);
        if (client >= 0 && fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            start(arguments);
            while (serve(client)) continue;
            exit(0);
        }
        close(client);
    }
}
#else
static void serve_all(int listener, char **arguments) {
    start(arguments);
    int poll = epoll_create1(0);
    struct epoll_event of = {.events = EPOLLIN, .data.fd = listener}, ready[64];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &of);
    for (;;) {
        int many = epoll_wait(poll, ready, 64, -1);
        for (int at = 0; at < many; at++) {
            if (ready[at].data.fd != listener) {
                serve(ready[at].data.fd);
                continue;
            }
            of.data.fd = accept(listener, NULL, NULL);
            if (of.data.fd >= 0) epoll_ctl(poll, EPOLL_CTL_ADD, of.data.fd, &of);
        }
    }
}
#endif

int main(int count, char **arguments) {
    if (count < 2) return 64;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    strncpy(where.sun_path, arguments[1], sizeof where.sun_path - 1);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&where, sizeof where) || listen(listener, 1024)) fail(arguments[1]);
    if (chmod(arguments[1], 0666)) fail("chmod");
    serve_all(listener, arguments + 2);
}
