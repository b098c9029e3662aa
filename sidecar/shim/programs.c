/*
 * What proc(5) says of a program that has not begun: the exact arguments as the kernel copied
 * them, the file, the directory, whose it is.
 */
#include "shim.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PROCESSES
#define PROCESSES "/proc/"
#endif

enum { PATH_LENGTH_MAX = 4096, ARGV_MAX = 36 * 1024, TRUNCATED = 1 };

struct __attribute__((packed)) header {
    char kind;
    uint8_t flags;
    uint32_t pid, parent, uid;
    uint16_t executable, directory;
};
/* Follows a path that means something in mounts that only the program and its like have. */
static const char elsewhere[] = " (in other mounts)";
_Static_assert(sizeof(struct header) + 2 * PATH_LENGTH_MAX + 2 * sizeof elsewhere + ARGV_MAX <= PROGRAM_MAX,
               "one packet");

struct owner {
    pid_t parent;
    uid_t real, uid;
    gid_t gid;
};

static bool read_all(int directory, const char *name, unsigned char *to, size_t size, size_t *used)
{
    ssize_t length;
    int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    *used = 0;
    while (*used < size && (length = read(fd, to + *used, size - *used)) > 0)
        *used += (size_t)length;
    (void)close(fd);
    return true;
}

/* The number behind "\n<name>:\t", or the one after it; proc_pid_status(5) writes no newline elsewhere. */
static long number_of(const char *status, const char *name, bool second)
{
    const char *at = strstr(status, name);
    char *end;
    if (!at)
        return -1;
    long number = strtol(at + strlen(name), &end, 10);
    return second ? strtol(end, NULL, 10) : number;
}

static int open_process(pid_t pid)
{
    char path[sizeof PROCESSES + 3 * sizeof pid] = PROCESSES, digits[3 * sizeof pid + 1];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    for (; pid > 0; pid /= 10)
        digits[--at] = (char)('0' + pid % 10);
    (void)strcat(path, digits + at);
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

pid_t tracer_of(pid_t pid)
{
    char status[2048];
    size_t length = 0;
    int directory = open_process(pid);
    bool known = directory >= 0 && read_all(directory, "status", (unsigned char *)status, sizeof status - 1, &length);
    if (directory >= 0)
        (void)close(directory);
    status[known ? length : 0] = '\0';
    long tracer = number_of(status, "\nTracerPid:\t", false);
    return tracer > 0 ? (pid_t)tracer : 0;
}

/* Of the real and the effective user the second: whose rights the program has. */
static bool find_owner(int directory, struct owner *owner)
{
    char status[2048];
    size_t length;
    if (!read_all(directory, "status", (unsigned char *)status, sizeof status - 1, &length))
        return false;
    status[length] = '\0';
    *owner = (struct owner){
        .parent = (pid_t)number_of(status, "\nPPid:\t", false),
        .real = (uid_t)number_of(status, "\nUid:\t", false),
        .uid = (uid_t)number_of(status, "\nUid:\t", true),
        .gid = (gid_t)number_of(status, "\nGid:\t", true),
    };
    return true;
}

uid_t real_user_of(pid_t pid)
{
    struct owner owner = {.real = (uid_t)-1};
    int directory = open_process(pid);
    if (directory >= 0) {
        (void)find_owner(directory, &owner);
        (void)close(directory);
    }
    return owner.real;
}

/*
 * Links of /proc are readable to whoever has the process's own user for file access. A shim of root
 * takes that for a moment (setfsuid(2)) when a program runs as somebody else, after su(1). Changing it
 * makes a process dumpable again where fs.suid_dumpable says so.
 */
static size_t follow(int directory, const char *name, const struct owner *owner, unsigned char *to)
{
    ssize_t length = readlinkat(directory, name, (char *)to, PATH_LENGTH_MAX);
    if (length < 0 && errno == EACCES) {
        (void)setfsgid(owner->gid);
        (void)setfsuid(owner->uid);
        length = readlinkat(directory, name, (char *)to, PATH_LENGTH_MAX);
        (void)setfsuid(geteuid());
        (void)setfsgid(getegid());
        (void)prctl(PR_SET_DUMPABLE, 0);
    }
    return length < 0 ? 0 : (size_t)length;
}

/* Whether a process sees the mounts that the shim sees; where nobody may look, its file is not known either. */
static bool has_other_mounts(int directory, const struct owner *owner)
{
    static unsigned char own[PATH_LENGTH_MAX], its[PATH_LENGTH_MAX];  /* static: too large for a small stack */
    ssize_t length = readlink("/proc/self/ns/mnt", (char *)own, sizeof own);
    size_t its_length = follow(directory, "ns/mnt", owner, its);
    return length > 0 && its_length > 0 && ((size_t)length != its_length || memcmp(own, its, its_length) != 0);
}

/* In a user namespace of its own anybody mounts what they like over /usr/bin/ls, and the link says just that. */
static size_t mark(unsigned char *path, size_t length)
{
    if (length == 0)
        return 0;
    memcpy(path + length, elsewhere, sizeof elsewhere - 1);
    return length + sizeof elsewhere - 1;
}

/* A link that cannot be read is empty: a file without the right to read it hides its program (proc(5)). */
static size_t describe(int directory, pid_t pid, unsigned char *packet)
{
    struct owner owner;
    if (!find_owner(directory, &owner))
        return 0;
    unsigned char *executable = packet + sizeof(struct header);
    bool marked = has_other_mounts(directory, &owner);
    size_t executable_length = follow(directory, "exe", &owner, executable);
    if (marked)
        executable_length = mark(executable, executable_length);
    unsigned char *cwd = executable + executable_length;
    size_t cwd_length = follow(directory, "cwd", &owner, cwd);
    if (marked)
        cwd_length = mark(cwd, cwd_length);
    unsigned char *argv = cwd + cwd_length;
    size_t length;
    if (!read_all(directory, "cmdline", argv, ARGV_MAX + 1, &length))
        return 0;
    bool truncated = length > ARGV_MAX;
    struct header header = {
        .kind = 'P',
        .flags = truncated ? TRUNCATED : 0,
        .pid = htole32((uint32_t)pid),
        .parent = htole32((uint32_t)owner.parent),
        .uid = htole32(owner.uid),
        .executable = htole16((uint16_t)executable_length),
        .directory = htole16((uint16_t)cwd_length),
    };
    memcpy(packet, &header, sizeof header);
    return (size_t)(argv - packet) + (truncated ? ARGV_MAX : length);
}

/* Until collect() takes its end, a process has its directory: no memory or descriptor is left, or no proc(5). */
size_t describe_program(pid_t pid, unsigned char *packet)
{
    int directory = open_process(pid);
    if (directory < 0)
        return 0;
    size_t length = describe(directory, pid, packet);
    (void)close(directory);
    return length;
}

/*
 * A process of the same user can write into one that stands (process_vm_writev(2), /proc/PID/mem), however
 * exactly the kernel had copied its arguments, and it may stand until somebody has approved it.
 */
bool is_as_told(pid_t pid, const unsigned char *packet, size_t length)
{
    static unsigned char argv[ARGV_MAX + 1];  /* static: too large for a small stack */
    struct header header;
    size_t now = 0;
    int directory = open_process(pid);
    bool readable = directory >= 0 && read_all(directory, "cmdline", argv, sizeof argv, &now);
    if (directory >= 0)
        (void)close(directory);
    memcpy(&header, packet, sizeof header);
    size_t before = sizeof header + le16toh(header.executable) + le16toh(header.directory);
    now = now > ARGV_MAX ? ARGV_MAX : now;
    return readable && now == length - before && memcmp(argv, packet + before, now) == 0;
}
