/*
 * Every program that starts in the session stops before its first instruction until the
 * recorder knows it: ptrace(2), PTRACE_EVENT_EXEC. Whatever a traced process starts is traced
 * from its own first instruction on, and what is traced ends with the shim.
 */
#include "shim.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

enum { FOLLOWED = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE
                  | PTRACE_O_EXITKILL };

#define CHANGED "another process changed the arguments of this program while it waited, so it was not run"

/* PTRACE_SEIZE, because a tracee of PTRACE_TRACEME cannot be stopped by job control. */
static int trace(pid_t pid)
{
    return ptrace(PTRACE_SEIZE, pid, NULL, (void *)FOLLOWED) ? errno : 0;
}

/*
 * A kernel or a profile that forbids it does so every time, and nobody else is the tracer then. Another process
 * of the same user that was faster would keep the session's programs from being seen.
 */
int trace_first(pid_t pid)
{
    struct timespec pause = {.tv_nsec = 1000000};
    int64_t deadline = now_ms() + TRACE_WITHIN_MS;
    int error = trace(pid);
    while (error == EPERM && time_left(deadline) > 0) {
        if (tracer_of(pid))
            give_up("another process traces the program, so its programs could not be seen and nothing was run");
        (void)nanosleep(&pause, NULL);
        error = trace(pid);
    }
    return error;
}

bool has_room(const struct tracer *tracer)
{
    return tracer->ending || tracer->count < WAITING_MAX;
}

static pid_t *waiting(struct tracer *tracer, size_t place)
{
    return &tracer->waiting[(tracer->first + place) % WAITING_MAX];
}

static bool stops_jobs(int signal)
{
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

/* A tracee that was killed meanwhile is in no stop any more; its end comes by collect(). */
static void resume(pid_t pid, int signal)
{
    (void)ptrace(PTRACE_CONT, pid, NULL, (void *)(long)signal);
}

static bool note_refusing(struct tracer *tracer, pid_t pid, pid_t instead)
{
    for (size_t place = 0; place < REFUSING_MAX; place++)
        if (tracer->refusing[place] == pid) {
            tracer->refusing[place] = instead;
            return true;
        }
    return false;
}

/* Others of its user may write into it, and would have it run all the same: it does what it was made to, or ends. */
static bool is_to_go_on(pid_t pid, int event, int signal)
{
    return event == 0 && signal == SIGTRAP && refuses_still(pid) && ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0;
}

static void refuse(struct tracer *tracer, pid_t pid, const char *denial)
{
    if (!note_refusing(tracer, 0, pid) || !make_refuse(pid, denial) || ptrace(PTRACE_SYSCALL, pid, NULL, NULL))
        (void)send_signal(pid, SIGKILL);
}

/* At the end of a session nothing goes on: a new process is killed before its first instruction. */
void take_stop(struct tracer *tracer, pid_t pid, int status)
{
    int event = status >> 16, signal = WSTOPSIG(status);
    bool refusing = note_refusing(tracer, pid, pid);
    if (tracer->ending || (refusing && !is_to_go_on(pid, event, signal)))
        (void)send_signal(pid, SIGKILL);
    else if (refusing)
        return;
    else if (event == PTRACE_EVENT_EXEC)
        *waiting(tracer, tracer->count++) = pid;
    else if (event == PTRACE_EVENT_STOP && stops_jobs(signal))
        (void)ptrace(PTRACE_LISTEN, pid, NULL, NULL);  /* stays stopped until SIGCONT */
    else
        resume(pid, event ? 0 : signal);
}

/* Its number may be another's from now on. */
void forget(struct tracer *tracer, pid_t pid)
{
    (void)note_refusing(tracer, pid, 0);
    for (size_t place = 0; place < tracer->count; place++)
        if (*waiting(tracer, place) == pid)
            *waiting(tracer, place) = 0;
}

static void drop_first(struct tracer *tracer)
{
    tracer->first = (tracer->first + 1) % WAITING_MAX;
    tracer->count--;
}

pid_t next_to_tell(struct tracer *tracer)
{
    if (tracer->asked)
        return 0;
    while (tracer->count > 0 && *waiting(tracer, 0) == 0)
        drop_first(tracer);
    return tracer->count > 0 ? *waiting(tracer, 0) : 0;
}

bool take_answer(struct tracer *tracer, const char *denial)
{
    if (!tracer->asked)
        return false;
    pid_t pid = *waiting(tracer, 0);
    if (pid && !denial && !is_as_told(pid, tracer->packet, tracer->length))
        denial = CHANGED;
    if (pid && denial)
        refuse(tracer, pid, denial);
    else if (pid)
        resume(pid, 0);
    drop_first(tracer);
    tracer->asked = false;
    return true;
}
