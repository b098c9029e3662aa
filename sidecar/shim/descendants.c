/*
 * The shim is the subreaper of what it starts (prctl(2), PR_SET_CHILD_SUBREAPER): a
 * process whose parent ends becomes the shim's child, whatever session it is in.
 */
#include "shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CHILDREN_LIST
#define CHILDREN_LIST "/proc/thread-self/children"
#endif

enum { AT_ONCE_MAX = 1024, KNOWN_MAX = 16384, ROUNDS_PER_WALK = 16, PAUSE_NS = 10000000 };

/* Processes of the session seen in one walk through /proc, in ascending order. */
struct family {
    size_t count;
    pid_t known[KNOWN_MAX];
};

/*
 * Reaps what has ended and resumes what has stopped; false when no child is left. This is the
 * only wait of the shim. A flood is taken in turns, so that the recorder is heard in between.
 */
bool collect(struct program *program, struct tracer *tracer)
{
    for (int taken = 0; taken < AT_ONCE_MAX && has_room(tracer); taken++) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
        if (pid == 0)
            return true;
        if (pid < 0)
            return errno != ECHILD;
        if (WIFSTOPPED(status)) {
            take_stop(tracer, pid, status);
            continue;
        }
        forget(tracer, pid);
        if (pid == program->pid && !program->ended)
            note_end(program, status);
    }
    if (has_room(tracer))
        (void)kill(getpid(), SIGCHLD);  /* more to come: look again */
    return true;
}

/*
 * Children the kernel lists, proc_tid_children(5); false where it does not. A number cut off
 * by the end of the buffer has no space behind it. Until collect() takes it, the number of a
 * child is no other process's.
 */
static bool kill_listed_children(void)
{
    char list[4096];
    int fd = open(CHILDREN_LIST, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, list, sizeof list - 1);
    (void)close(fd);
    list[length > 0 ? length : 0] = '\0';
    char *next = list;
    for (long pid; (pid = strtol(next, &next, 10)) > 0 && *next == ' ';)
        (void)send_signal((pid_t)pid, SIGKILL);
    return true;
}

/* proc_pid_stat(5): the name, field 2, may hold anything, also ") "; the parent is field 4. */
static pid_t parent_of(int directory)
{
    char stat[512];
    int fd = openat(directory, "stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t length = read(fd, stat, sizeof stat - 1);
    (void)close(fd);
    stat[length > 0 ? length : 0] = '\0';
    const char *name_end = strrchr(stat, ')');
    if (!name_end || strlen(name_end) < sizeof ") S 1" - 1)
        return -1;
    return (pid_t)strtol(name_end + sizeof ") S" - 1, NULL, 10);
}

static int by_number(const void *left, const void *right)
{
    pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;
    return (a > b) - (a < b);
}

static bool belongs(const struct family *family, pid_t parent)
{
    return parent == getpid()
           || bsearch(&parent, family->known, family->count, sizeof parent, by_number);
}

/*
 * pidfd_send_signal(2) takes a directory of /proc, which stands for one process and not
 * for its number: between look and kill the number could pass to a process of the application.
 */
static void kill_exactly(int directory, pid_t pid)
{
    if (syscall(SYS_pidfd_send_signal, directory, SIGKILL, NULL, 0) && errno != ESRCH)
        (void)send_signal(pid, SIGKILL);  /* before Linux 5.1, forbidden by a seccomp profile, or another user's */
}

static void kill_if_ours(struct family *family, int proc, const char *name)
{
    pid_t pid = (pid_t)strtol(name, NULL, 10);
    int directory = pid > 0 ? openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (directory < 0)
        return;
    if (belongs(family, parent_of(directory))) {
        kill_exactly(directory, pid);
        if (family->count < KNOWN_MAX)
            family->known[family->count++] = pid;
    }
    (void)close(directory);
}

/*
 * The whole family in one walk, faster than it can grow: whoever has a SIGKILL pending forks no
 * more. /proc lists processes by ascending number, so a parent mostly comes before its children.
 * getdents64(2) itself, because opendir(3) allocates.
 */
static void kill_descendants(void)
{
    static struct family family;
    static _Alignas(struct dirent) char entries[1024];
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long length;
    family.count = 0;
    while ((length = syscall(SYS_getdents64, proc, entries, sizeof entries)) > 0)
        for (long at = 0; at < length;) {
            const struct dirent *entry = (const void *)(entries + at);
            kill_if_ours(&family, proc, entry->d_name);
            at += entry->d_reclen;
        }
    if (proc >= 0)
        (void)close(proc);
}

static void await_an_end(void)
{
    struct timespec pause = {.tv_nsec = PAUSE_NS};
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGCHLD);
    (void)sigtimedwait(&ends, NULL, &pause);
}

/*
 * Kills and reaps until no child is left; false when some outlived END_WITHIN_MS. The walk ends a
 * fork bomb, the list of children a process that forks and exits all the time: what it leaves is the
 * shim's child at once, but has another number before a walk comes to it.
 */
bool end_descendants(struct program *program, struct tracer *tracer)
{
    int64_t deadline = now_ms() + END_WITHIN_MS;
    tracer->ending = true;
    for (unsigned round = 0; collect(program, tracer); round++) {
        if (time_left(deadline) == 0)
            return false;
        signal_program(program, SIGKILL);
        if (!kill_listed_children() || round % ROUNDS_PER_WALK == 0)
            kill_descendants();
        await_an_end();
    }
    return true;
}
