#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void reset_signals(void)
{
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);  /* SIGKILL and SIGSTOP refuse, as they should */
}

static bool take_streams(const struct streams *streams)
{
    if (setsid() < 0)
        return false;
    if (streams->tty && ioctl(streams->for_program[STDIN_FILENO], TIOCSCTTY, 0))
        return false;
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (dup2(streams->for_program[fd], fd) < 0)
            return false;
    return true;
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

static _Noreturn void become_program(const struct streams *streams, char *const argv[], int exec_errors,
                                     pid_t shim)
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
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execvp(argv[0], argv);
    int error = errno;
    say_why_not(argv[0], error);
    fail(exec_errors, error);
}

void start_program(struct program *program, const struct streams *streams, char *const argv[])
{
    int exec_errors[2];
    pid_t shim = getpid();
    if (pipe2(exec_errors, O_CLOEXEC | O_NONBLOCK))
        give_up_errno("open a pipe", "");
    program->pid = fork();
    if (program->pid == 0)
        become_program(streams, argv, exec_errors[1], shim);
    if (program->pid < 0)
        give_up_errno("start a process", ". The container may be at its limit of processes or memory");
    (void)close(exec_errors[1]);
    program->exec_errors = exec_errors[0];
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
    if (kill(-program->pid, signal) && errno == ESRCH)
        (void)kill(program->pid, signal);
}

void note_end(struct program *program, int status)
{
    read_exec_error(program);
    program->ended = true;
    program->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    program->code = program->signal ? EXIT_SIGNAL_BASE + program->signal : WEXITSTATUS(status);
}
