#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

enum { DESCRIPTORS_MAX = 65536 };

static struct termios terminal_before;
static bool terminal_changed;

/* Numbers 0 to 2 in use: otherwise a pipe would land there and pass for standard input. */
static void fill_standard_numbers(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        if (open("/dev/null", O_RDWR) != fd)
            give_up_errno("open /dev/null", "");
    }
}

/* The runtime should leave none open, but what it forgets must not reach the program. */
static void close_inherited(void)
{
    if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == 0)
        return;
    /* Linux before 5.9, or a seccomp profile that does not know the call */
    long limit = sysconf(_SC_OPEN_MAX);
    if (limit < 0 || limit > DESCRIPTORS_MAX)
        limit = DESCRIPTORS_MAX;
    for (int fd = STDERR_FILENO + 1; fd < limit; fd++)
        (void)close(fd);
}

void secure_descriptors(void)
{
    close_inherited();
    fill_standard_numbers();
}

static bool is_dev_null(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

static bool is_terminal_session(void)
{
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
}

bool outer_size(struct winsize *size)
{
    return ioctl(STDERR_FILENO, TIOCGWINSZ, size) == 0;
}

void restore_terminal(void)
{
    if (!terminal_changed)
        return;
    (void)ioctl(STDERR_FILENO, TIOCNXCL);
    (void)tcsetattr(STDERR_FILENO, TCSANOW, &terminal_before);
}

/* The inner terminal does echo and line editing; TIOCEXCL keeps others from opening the outer one by name. */
static void make_outer_raw(void)
{
    struct termios raw = terminal_before;
    cfmakeraw(&raw);
    terminal_changed = true;
    if (tcsetattr(STDERR_FILENO, TCSANOW, &raw) || ioctl(STDERR_FILENO, TIOCEXCL))
        give_up_errno("set up the terminal", "");
}

/* TIOCGPTPEER (Linux 4.13) needs no path, so nothing mounted over /dev/pts can take the terminal's place. */
static int open_peer(int master)
{
    int unlock = 0;
    if (ioctl(master, TIOCSPTLCK, &unlock))
        return -1;
    return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void open_terminal(struct streams *streams)
{
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    int slave = master < 0 ? -1 : open_peer(master);
    if (slave < 0)
        give_up_errno("open a terminal for the program (/dev/ptmx)",
                      ". Without -t, as in kubectl exec -i, none is needed");
    if (!outer_size(&streams->size) || ioctl(slave, TIOCSWINSZ, &streams->size)
        || tcgetattr(STDERR_FILENO, &terminal_before) || tcsetattr(slave, TCSANOW, &terminal_before))
        give_up_errno("copy the terminal's settings", "");
    make_outer_raw();
    streams->for_recorder[0] = STDIN_FILENO;
    streams->for_recorder[1] = master;
    streams->for_recorder_count = 2;
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        streams->for_program[fd] = slave;
}

static void open_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC))
        give_up_errno("open a pipe", "");
}

static void open_pipes(struct streams *streams)
{
    int in[2] = {-1, -1}, out[2], err[2];
    int *next = streams->for_recorder;
    if (streams->stdin_piped) {
        open_pipe(in);
        *next++ = STDIN_FILENO;
    }
    open_pipe(out);
    open_pipe(err);
    *next++ = STDOUT_FILENO;
    *next++ = STDERR_FILENO;
    if (streams->stdin_piped)
        *next++ = in[1];
    *next++ = out[0];
    *next++ = err[0];
    streams->for_recorder_count = (int)(next - streams->for_recorder);
    streams->for_program[STDIN_FILENO] = streams->stdin_piped ? in[0] : STDIN_FILENO;
    streams->for_program[STDOUT_FILENO] = out[1];
    streams->for_program[STDERR_FILENO] = err[1];
}

void open_streams(struct streams *streams)
{
    streams->tty = is_terminal_session();
    streams->stdin_piped = streams->tty || !is_dev_null(STDIN_FILENO);
    if (streams->tty)
        open_terminal(streams);
    else
        open_pipes(streams);
}

void leave_to_recorder(const struct streams *streams)
{
    for (int i = 0; i < streams->for_recorder_count; i++)
        if (streams->for_recorder[i] > STDERR_FILENO)
            (void)close(streams->for_recorder[i]);
}

void leave_ends_to_program(const struct streams *streams)
{
    int distinct = streams->tty ? 1 : 3;  /* a terminal serves as all three */
    for (int fd = 0; fd < distinct; fd++)
        if (streams->for_program[fd] > STDERR_FILENO)
            (void)close(streams->for_program[fd]);
}

void end_input(struct streams *streams)
{
    if (streams->tty || !streams->stdin_piped)
        return;
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)close(streams->for_recorder[3]);
    int left[] = {STDOUT_FILENO, STDERR_FILENO, streams->for_recorder[4], streams->for_recorder[5]};
    memcpy(streams->for_recorder, left, sizeof left);
    streams->for_recorder_count = 4;
    streams->stdin_piped = false;
    if (nothing >= 0)
        (void)dup2(nothing, STDIN_FILENO);
    (void)close(nothing);
}

/* Standard error stays: the last line of a session that ended badly is written there. */
void leave_to_program(const struct streams *streams)
{
    leave_ends_to_program(streams);
    (void)close(STDIN_FILENO);
    (void)close(STDOUT_FILENO);
}
