/* What the tests of tracing run: odd ways to start a program, chosen by the first argument. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLONE_UNTRACED = 0x00800000, CLONE_FS = 0x00000200, CLONE3 = 435, THREADS = 8, COMPAT_CLONE = 120 };

static char *self;

/* As a child would: so many processes, one after the other. */
static int forks(int count)
{
    for (int n = 0; n < count; n++) {
        pid_t pid = fork();
        if (pid == 0)
            _exit(0);
        if (pid < 0 || waitpid(pid, NULL, 0) != pid)
            return 1;
    }
    return 0;
}

/* So many programs at once, each waited for at the end. */
static int crowd(int count)
{
    int failed = 0, status;
    for (int n = 0; n < count; n++)
        if (fork() == 0) {
            (void)execl(self, self, "nothing", (char *)NULL);
            _exit(9);
        }
    while (wait(&status) > 0)
        failed += status != 0;
    return failed;
}

/* execve(2) ends the other threads, which try the same. */
static void *become(void *barrier)
{
    (void)pthread_barrier_wait(barrier);
    (void)execl(self, self, "nothing", (char *)NULL);
    return NULL;
}

static int threads(void)
{
    pthread_barrier_t barrier;
    pthread_t thread;
    (void)pthread_barrier_init(&barrier, NULL, THREADS);
    for (int n = 0; n < THREADS; n++)
        if (pthread_create(&thread, NULL, become, &barrier))
            return 1;
    for (;;)
        (void)pause();
}

static int vforks(void)
{
    int status;
    pid_t pid = vfork();
    if (pid == 0) {
        (void)execl(self, self, "nothing", (char *)NULL);
        _exit(9);
    }
    return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 1;
}

/* Itself, opened before. */
static int rooted(const char *root)
{
    int file = open(self, O_PATH);
    char *const argv[] = {self, "nothing", NULL};
    if (file < 0 || chroot(root))
        return 1;
    (void)syscall(SYS_execveat, file, "", argv, NULL, AT_EMPTY_PATH);
    return 2;
}

static void print_error(const char *what, long result)
{
    (void)printf("%s %s\n", what, result >= 0 ? "works" : errno == EPERM ? "EPERM" : errno == ENOSYS ? "ENOSYS" : "fails");
    if (result == 0 && strncmp(what, "clone", 5) == 0)
        _exit(0);
    (void)fflush(stdout);
}

/* int $0x80 is the 32-bit way into the kernel, and numbers calls differently. */
static long compat_clone(long flags)
{
#ifdef __x86_64__
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(COMPAT_CLONE), "b"(flags | SIGCHLD),
                     "c"(0), "d"(0), "S"(0), "D"(0) : "memory");
    errno = (int)-result;
    return result;
#else
    (void)flags;
    errno = EPERM;
    return -1;
#endif
}

static int escapes(void)
{
    char arguments[64] = {0};
    print_error("clone", syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0));
    print_error("clone3", syscall(CLONE3, arguments, sizeof arguments));
    print_error("clone32", compat_clone(CLONE_UNTRACED));
    print_error("clone shared", syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0));
    print_error("clone32 shared", compat_clone(CLONE_FS));
    print_error("traceme", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
    pid_t child = fork();
    if (child == 0)
        for (;;)
            (void)pause();
    print_error("attach", ptrace(PTRACE_ATTACH, child, NULL, NULL));
    print_error("seize shim", ptrace(PTRACE_SEIZE, getppid(), NULL, NULL));
    (void)kill(child, SIGKILL);
    return 0;
}

int main(int argc, char *argv[])
{
    const char *what = argc > 1 ? argv[1] : "nothing";
    int count = argc > 2 ? atoi(argv[2]) : 0;
    self = argv[0];
    return strcmp(what, "forks") == 0     ? forks(count)
           : strcmp(what, "crowd") == 0   ? crowd(count)
           : strcmp(what, "threads") == 0 ? threads()
           : strcmp(what, "vforks") == 0  ? vforks()
           : strcmp(what, "rooted") == 0  ? rooted(argv[2])
           : strcmp(what, "escapes") == 0 ? escapes()
                                          : 0;
}
