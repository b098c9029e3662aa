#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);  /* SIGKILL and SIGSTOP refuse, as they should */
}

/* The streams first, so that what fails afterwards is said where it is recorded. */
static bool take_streams(const struct streams *streams)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (dup2(streams->for_program[fd], fd) < 0)
            return false;
    return setsid() >= 0 && !(streams->tty && ioctl(STDIN_FILENO, TIOCSCTTY, 0));
}

static _Noreturn void fail(int exec_errors, int error)
{
    ssize_t written = write(exec_errors, &error, sizeof error);
    (void)written;  /* the exit code says the same */
    _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED);
}

/* Written on the program's standard error, so it is recorded and masked like its own output. */
static void say_why_not(const char *name, int error)
{
    if (error != ENOENT)
        say("cannot execute '", name, "': ", strerror(error), NULL);
    else if (!strchr(name, '/'))
        say("'", name, "' not found in this container's PATH", NULL);
    else if (access(name, F_OK))
        say("'", name, "' not found in this container", NULL);
    else
        say("cannot execute '", name, "': the interpreter it names is not in this container", NULL);
}

/*
 * Only a dumpable process can be seized without CAP_SYS_PTRACE (ptrace(2)). From then on it holds nothing
 * that is not the program's: others of its user could trace it too.
 */
static void wait_at_gate(int gate, bool is_followed)
{
    char open;
    int error = is_followed ? forbid_untraced() : 0;
    if (is_followed)
        (void)prctl(PR_SET_DUMPABLE, 1);
    if (write(gate, &error, sizeof error) != sizeof error || read(gate, &open, 1) != 1)
        _exit(EXIT_REFUSED);
    (void)close(gate);
}

static _Noreturn void become_program(const struct streams *streams, char *const argv[], int exec_errors,
                                     int gate, bool is_followed, pid_t shim)
{
    sigset_t none;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);  /* whoever kills the shim ends the program too */
    if (getppid() != shim)
        _exit(EXIT_REFUSED);
    reset_signals();
    if (!take_streams(streams)) {
        int error = errno;
        say("cannot set up the program's terminal or pipes: ", strerror(error), NULL);
        fail(exec_errors, error);
    }
    wait_at_gate(gate, is_followed);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execvp(argv[0], argv);
    int error = errno;
    say_why_not(argv[0], error);
    fail(exec_errors, error);
}

/* A process that ended already has said why; collect() finds it. */
static void hold_at_gate(struct program *program)
{
    struct pollfd ready = {.fd = program->gate, .events = POLLIN};
    if (poll(&ready, 1, START_WITHIN_MS) == 0)
        give_up("the process for the program was held up, so nothing was run. Try again");
    if (read(program->gate, &program->filter_error, sizeof program->filter_error)
        == sizeof program->filter_error && program->is_followed)
        program->trace_error = trace_first(program->pid);
}

void prepare_program(struct program *program, const struct streams *streams, char *const argv[], int recorder)
{
    int exec_errors[2], gate[2];
    pid_t shim = getpid();
    if (pipe2(exec_errors, O_CLOEXEC | O_NONBLOCK) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, gate))
        give_up_errno("open a pipe", "");
    program->pid = fork();
    if (program->pid == 0) {
        (void)close(recorder);
        (void)close(gate[0]);
        become_program(streams, argv, exec_errors[1], gate[1], program->is_followed, shim);
    }
    if (program->pid < 0)
        give_up_errno("start a process", ". The container may be at its limit of processes or memory");
    (void)close(exec_errors[1]);
    (void)close(gate[1]);
    program->exec_errors = exec_errors[0];
    program->gate = gate[0];
    hold_at_gate(program);
}

void open_gate(struct program *program)
{
    ssize_t sent = send(program->gate, "", 1, MSG_NOSIGNAL);
    (void)sent;  /* a process that has ended needs no word */
    (void)close(program->gate);
}

void read_exec_error(struct program *program)
{
    if (program->exec_errors < 0)
        return;
    ssize_t length = read(program->exec_errors, &program->error, sizeof program->error);
    if (length < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    (void)close(program->exec_errors);
    program->exec_errors = -1;
}

/* Before its setsid(2) the program has no group of its own yet. */
void signal_program(const struct program *program, int signal)
{
    if (program->ended)
        return;  /* its number may be another's by now */
    if (program->is_application || (send_signal(-program->pid, signal) && errno == ESRCH))
        (void)send_signal(program->pid, signal);
}

void note_end(struct program *program, int status)
{
    read_exec_error(program);
    program->ended = true;
    program->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    program->code = program->signal ? EXIT_SIGNAL_BASE + program->signal : WEXITSTATUS(status);
}
