#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * Usage: load SOCKET CONNECTIONS PER_CONNECTION WARM_MS RUN_MS PID... < FRAMES
 *
 * Connections that each ask, wait for the reply, and ask again, as load.ts does, with a third of its CPU time. After
 * PER_CONNECTION replies (0: never), a connection is replaced by a new one. Asks the frames, which are lines, in their order.
 * Prints the microseconds that it ran, the replies, OK and NOTFOUND among them, the waits that half and 99 of 100 replies did
 * not exceed, in microseconds, and the CPU time of these processes and of itself.
 */

#define MOST 4096
#define FRAMES 65536

struct client {
    int fd;
    int replies;
    uint64_t asked;
};

static struct client clients[MOST];
struct frame {
    char *text;
    size_t length;
};

static struct frame frames[FRAMES];
static size_t frame_count, next_frame;
static struct sockaddr_un where = {.sun_family = AF_UNIX};
static int queue;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ull + now.tv_nsec;
}

static void ask(struct client *client) {
    struct frame *frame = &frames[next_frame++ % frame_count];
    client->asked = now_ns();
    if (write(client->fd, frame->text, frame->length) != (ssize_t)frame->length) fail("write");
}

static void join(struct client *client) {
    client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
    client->replies = 0;
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&where, sizeof where)) fail("connect");
    struct epoll_event of = {.events = EPOLLIN, .data.ptr = client};
    if (epoll_ctl(queue, EPOLL_CTL_ADD, client->fd, &of)) fail("epoll_ctl");
    ask(client);
}

/* CPU time of all threads of a process, in nanoseconds; see proc(5). */
static uint64_t cpu_ns(const char *pid) {
    char path[300];
    uint64_t sum = 0, one;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        snprintf(path, sizeof path, "/proc/%s/task/%s/schedstat", pid, task->d_name);
        FILE *file = task->d_name[0] == '.' ? NULL : fopen(path, "r");
        if (file && fscanf(file, "%lu", &one) == 1) sum += one;
        if (file) fclose(file);
    }
    if (tasks) closedir(tasks);
    return sum;
}

static uint64_t cpu_of_all(char **pids) {
    uint64_t sum = 0;
    while (*pids) sum += cpu_ns(*pids++);
    return sum;
}

static int by_size(const void *one, const void *other) {
    uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
    return a < b ? -1 : a > b;
}

static void read_frames(void) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while (frame_count < FRAMES && (length = getline(&line, &room, stdin)) > 0) {
        frames[frame_count].text = memcpy(malloc(length), line, length);
        frames[frame_count++].length = length - 1;
    }
    if (frame_count == 0) exit(64);
}

int main(int count, char **arguments) {
    if (count < 7) return 64;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    strncpy(where.sun_path, arguments[1], sizeof where.sun_path - 1);
    int connections = atoi(arguments[2]), per_connection = atoi(arguments[3]);
    uint64_t warm_ns = atoi(arguments[4]) * 1000000ull, run_ns = atoi(arguments[5]) * 1000000ull;
    char **pids = arguments + 6;
    if (connections < 1 || connections > MOST) return 64;
    size_t most = run_ns / 1000; /* one in a microsecond */
    uint32_t *waits = malloc(most * sizeof *waits);
    memset(waits, 0, most * sizeof *waits); /* the pages are there before the clock starts */
    read_frames();
    queue = epoll_create1(0);

    size_t replies = 0, found = 0, absent = 0;
    uint64_t from = 0, server = 0, own = 0, now = now_ns(), begin = now;
    for (int at = 0; at < connections; at++) join(&clients[at]);
    struct epoll_event ready[256];
    char reply[65536];
    for (;;) {
        int many = epoll_wait(queue, ready, 256, 5000);
        if (many == 0) return fprintf(stderr, "no reply within 5 s\n"), 1;
        if (many < 0) fail("epoll_wait");
        now = now_ns();
        if (from == 0 && now - begin >= warm_ns) {
            server = cpu_of_all(pids), own = cpu_ns("self");
            now = from = now_ns();
            replies = found = absent = 0;
        } else if (from != 0 && now - from >= run_ns) break;
        for (int at = 0; at < many; at++) {
            struct client *client = ready[at].data.ptr;
            ssize_t length = read(client->fd, reply, sizeof reply);
            if (length <= 0) return fprintf(stderr, "the server closed a connection\n"), 1;
            if (reply[length - 1] != ',') return fprintf(stderr, "a reply came in parts\n"), 1;
            if (from != 0 && replies < most) {
                char *status = memchr(reply, ':', length);
                if (status && !memcmp(status, ":OK ", 4)) found++;
                else if (status && !memcmp(status, ":NOTFOUND ", 10)) absent++;
                waits[replies++] = (now - client->asked) / 1000;
            }
            if (++client->replies != per_connection) ask(client);
            else {
                close(client->fd);
                join(client);
            }
        }
    }
    server = cpu_of_all(pids) - server, own = cpu_ns("self") - own;
    if (replies == 0) return fprintf(stderr, "no reply\n"), 1;
    qsort(waits, replies, sizeof *waits, by_size);
    printf("%lu %zu %zu %zu %u %u %lu %lu\n", (now - from) / 1000, replies, found, absent, waits[replies / 2],
           waits[replies * 99 / 100], server / 1000, own / 1000);
    return 0;
}
