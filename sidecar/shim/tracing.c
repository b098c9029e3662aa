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

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

enum { FOLLOWED = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE
                  | PTRACE_O_EXITKILL };

/* PTRACE_SEIZE, because a tracee of PTRACE_TRACEME cannot be stopped by job control. */
int trace(pid_t pid)
{
    return ptrace(PTRACE_SEIZE, pid, NULL, (void *)FOLLOWED) ? errno : 0;
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

/* At the end of a session nothing goes on: a new process is killed before its first instruction. */
void take_stop(struct tracer *tracer, pid_t pid, int status)
{
    int event = status >> 16, signal = WSTOPSIG(status);
    if (tracer->ending)
        (void)kill(pid, SIGKILL);
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
    if (pid && denial && !make_refuse(pid, denial))
        (void)kill(pid, SIGKILL);
    else if (pid)
        resume(pid, 0);
    drop_first(tracer);
    tracer->asked = false;
    return true;
}
