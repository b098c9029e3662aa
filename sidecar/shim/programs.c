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
#include <sys/syscall.h>
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
/* Follows a path that means something in mounts that only the program and its like have, or under another root. */
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

/* statx(2), Linux 4.11, which this C library does not know; the mount since 5.8. */
struct place {
    uint32_t known, before[7];
    uint64_t inode, between[12], device, mount, after[13];
};
_Static_assert(sizeof(struct place) == 256, "as the kernel has it");

enum { PLACE_INODE = 0x100, PLACE_MOUNT = 0x1000, NO_AUTOMOUNT = 0x800, AS_KNOWN = 0x4000 };

/* As the kernel knows it: a file system of the session's own (FUSE) is not asked, for it may never answer. */
static bool look(int directory, const char *path, int flags, struct place *place)
{
    return syscall(SYS_statx, directory, path, flags | AS_KNOWN, PLACE_INODE | PLACE_MOUNT, place) == 0;
}

/* Whether the shim finds it under this path. */
static bool is_at(const struct place *place, const char *path)
{
    struct place here;
    return look(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | NO_AUTOMOUNT, &here)
           && here.inode == place->inode && here.device == place->device
           && (here.mount == place->mount || !(here.known & place->known & PLACE_MOUNT));
}

/* Where a link of /proc leads. One that cannot be read is empty. */
struct found {
    size_t length;
    bool is_known, is_here;
    struct place place;
    char path[PATH_LENGTH_MAX + sizeof elsewhere];
};

/* All that is to be found of a program. */
struct whereabouts {
    struct found mounts, root, executable, directory;
    bool is_hidden;
};

static void read_link(int directory, const char *name, struct found *found, bool *is_hidden)
{
    ssize_t length = readlinkat(directory, name, found->path, PATH_LENGTH_MAX - 1);
    *is_hidden = *is_hidden || (length < 0 && errno == EACCES);
    found->length = length < 0 ? 0 : (size_t)length;
    found->path[found->length] = '\0';
}

static void follow(int directory, const char *name, struct found *found, bool *is_hidden)
{
    read_link(directory, name, found, is_hidden);
    found->is_known = found->length > 0 && look(directory, name, 0, &found->place);
    found->is_here = found->is_known && is_at(&found->place, found->path);
}

static void follow_all(int directory, struct whereabouts *its)
{
    its->is_hidden = false;
    read_link(directory, "ns/mnt", &its->mounts, &its->is_hidden);
    follow(directory, "root", &its->root, &its->is_hidden);
    follow(directory, "exe", &its->executable, &its->is_hidden);
    follow(directory, "cwd", &its->directory, &its->is_hidden);
}

/*
 * Links of /proc are readable to whoever has the process's own user and, where that made a user namespace, owns it.
 * A shim of root becomes that user for a moment when a program runs as somebody else, after su(1).
 */
static void find(int directory, const struct owner *owner, struct whereabouts *its)
{
    uid_t own = geteuid();
    follow_all(directory, its);
    if (!its->is_hidden)
        return;
    (void)setfsgid(owner->gid);
    if (become(owner->uid))
        follow_all(directory, its);
    (void)setfsgid(getegid());
    (void)become(own);
}

/* Looked for once more, because what that user may not enter the shim may, and the other way round. */
static bool is_elsewhere(const struct found *found)
{
    return found->is_known && !found->is_here && !is_at(&found->place, found->path);
}

/* Whether a process sees the files that the shim sees; where nobody may look, its own file is not known either. */
static bool has_other_files(const struct whereabouts *its)
{
    static char own[PATH_LENGTH_MAX];  /* static: too large for a small stack */
    ssize_t length = readlink("/proc/self/ns/mnt", own, sizeof own);
    bool other_mounts = length > 0 && its->mounts.length > 0
                        && ((size_t)length != its->mounts.length || memcmp(own, its->mounts.path, (size_t)length) != 0);
    bool other_root = its->root.length > 0 && (strcmp(its->root.path, "/") != 0 || is_elsewhere(&its->root));
    return other_mounts || other_root;
}

static bool is_deleted(const struct found *found)
{
    static const char deleted[] = " (deleted)";
    size_t length = sizeof deleted - 1;
    return found->length > length && strcmp(found->path + found->length - length, deleted) == 0;
}

/*
 * In a user namespace of its own anybody mounts what they like over /usr/bin/ls, and the link says just that, for whom
 * an open descriptor of it was sent to as well. After chroot(2) paths among the arguments mean other files.
 */
static void mark(struct found *found, bool always)
{
    if (found->length == 0 || !(always || (is_elsewhere(found) && !is_deleted(found))))
        return;
    memcpy(found->path + found->length, elsewhere, sizeof elsewhere);
    found->length += sizeof elsewhere - 1;
}

/* A link that cannot be read is empty: a file without the right to read it hides its program (proc(5)). */
static size_t describe(int directory, pid_t pid, unsigned char *packet)
{
    static struct whereabouts its;
    struct owner owner;
    if (!find_owner(directory, &owner))
        return 0;
    find(directory, &owner, &its);
    bool always = has_other_files(&its);
    mark(&its.executable, always);
    mark(&its.directory, always);
    unsigned char *cwd = packet + sizeof(struct header) + its.executable.length;
    unsigned char *argv = cwd + its.directory.length;
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
        .executable = htole16((uint16_t)its.executable.length),
        .directory = htole16((uint16_t)its.directory.length),
    };
    memcpy(packet, &header, sizeof header);
    memcpy(packet + sizeof header, its.executable.path, its.executable.length);
    memcpy(cwd, its.directory.path, its.directory.length);
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
