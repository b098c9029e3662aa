#include "shim.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct session {
    int recorder;
    int signals;
    struct program program;
    struct tracer tracer;
    struct told told;
    bool terminating;
    int64_t kill_at;          /* 0: nothing to kill */
    int life;                 /* the kernel's number of a timer */
    char reason[REASON_MAX + 1];
};

/* SIGPIPE must not end the shim before its descendants, nor SIGTTOU stop it in restore_terminal(). */
static void prepare_process(void)
{
    reset_signals();
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGTTOU, SIG_IGN);
    if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_CHILD_SUBREAPER, 1))
        give_up_errno("protect the session", "");
}

static sigset_t signals_of_session(void)
{
    static const int heard[] = {SIGCHLD, SIGWINCH, SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof heard / sizeof *heard; i++)
        (void)sigaddset(&set, heard[i]);
    return set;
}

int open_signals(const sigset_t *heard)
{
    int signals = signalfd(-1, heard, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals < 0)
        give_up_errno("watch signals", "");
    return signals;
}

/* Until here a signal ends the shim and nothing runs; from here on it is the program's. */
void block_signals(void)
{
    sigset_t all;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, NULL);
}

/* The call itself: the C library's brings threads along. */
static void prepare_life(struct session *session)
{
    struct sigevent end = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &end, &session->life))
        give_up_errno("protect the session", "");
}

/*
 * A shim that is stopped (SIGSTOP) ends nothing any more, neither at a limit nor by order nor when its client is gone,
 * and what runs already goes on. So the kernel kills it when it has not been here for STOPPED_MAX_MS, and with it what
 * it traces. No other process reaches its timer.
 */
static void live_on(const struct session *session)
{
    struct itimerspec left = {.it_value = {.tv_sec = STOPPED_MAX_MS / 1000}};
    (void)syscall(SYS_timer_settime, session->life, 0, &left, NULL);
}

/* Whatever the reason to leave, nothing of the session stays behind. */
static _Noreturn void leave(struct session *session, int code)
{
    bool all_ended = end_descendants(&session->program, &session->tracer);
    restore_terminal();
    if (*session->reason)
        say(session->reason, NULL);
    if (!all_ended)
        say("some processes of this session could not be ended", NULL);
    _exit(code);
}

static _Noreturn void leave_unrecorded(struct session *session, const char *reason)
{
    if (!*session->reason)
        (void)strcpy(session->reason, reason);
    leave(session, EXIT_REFUSED);
}

static void terminate(struct session *session, const struct message *order)
{
    if (session->terminating)
        return;
    session->terminating = true;
    signal_program(&session->program, order->signal);
    session->kill_at = now_ms() + KILL_AFTER_MS;
    (void)strcpy(session->reason, order->reason);
}

static void hear_recorder(struct session *session)
{
    struct message message = hear(session->recorder);
    if (message.kind == TERMINATE)
        terminate(session, &message);
    else if (message.kind == CONTINUE && take_answer(&session->tracer, NULL))
        return;
    else if (message.kind == DENIED && take_answer(&session->tracer, message.reason))
        return;
    else if (message.kind == DELIVERED && session->told.end)
        leave(session, session->program.code);
    else if (message.kind == LOST)
        leave_unrecorded(session, "the recorder is gone, so this session was ended: "
                                  "nothing runs here unrecorded. Try again");
    else
        leave_unrecorded(session, "the recorder sent something unknown, so this session was ended. "
                                  "Shim and recorder must be of one version: restart the pod");
}

static void hear_signals(struct session *session)
{
    struct signalfd_siginfo info;
    while (read(session->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;
        if (number == SIGCHLD)
            continue;  /* collect() looks after every wake-up */
        if (number == SIGWINCH)
            session->told.size_due = true;
        else
            signal_program(&session->program, number);
    }
}

static bool program_is_told(struct session *session)
{
    struct tracer *tracer = &session->tracer;
    pid_t pid = next_to_tell(tracer);
    if (!pid)
        return true;
    tracer->length = describe_program(pid, tracer->packet);
    if (tracer->length == 0)
        leave_unrecorded(session, "it cannot be seen what runs here, so this session was ended. "
                                  "The container may be at its limit of memory or open files");
    tracer->asked = tell_program(session->recorder, tracer->packet, tracer->length);
    return tracer->asked;
}

static void kill_when_due(struct session *session)
{
    if (session->kill_at && time_left(session->kill_at) == 0)
        session->kill_at = end_descendants(&session->program, &session->tracer) ? 0 : now_ms() + KILL_AFTER_MS;
}

static int patience(const struct session *session)
{
    int most = STOPPED_MAX_MS / 4, left = session->kill_at ? time_left(session->kill_at) : most;
    return left < most ? left : most;
}

static _Noreturn void serve(struct session *session)
{
    for (;;) {
        live_on(session);
        (void)collect(&session->program, &session->tracer);
        kill_when_due(session);
        bool all_told = start_is_told(session->recorder, &session->program, &session->told)
                        && program_is_told(session)
                        && (!session->program.ended
                            || end_is_told(session->recorder, &session->program, &session->told));
        struct pollfd watched[] = {
            {.fd = session->recorder, .events = (short)(all_told ? POLLIN : POLLIN | POLLOUT)},
            {.fd = session->signals, .events = POLLIN},
            {.fd = session->program.exec_errors, .events = POLLIN},
        };
        if (poll(watched, 3, patience(session)) < 0 && errno != EINTR)
            leave_unrecorded(session, "cannot wait for events, so this session was ended");
        if (watched[0].revents & ~POLLOUT)
            hear_recorder(session);
        if (watched[1].revents)
            hear_signals(session);
        if (watched[2].revents)
            read_exec_error(&session->program);
    }
}

/* Whether a session may run whose programs are not all seen is for the recorder to say. */
static void settle_tracing(const struct session *session, int64_t deadline)
{
    const struct program *program = &session->program;
    if (!program->trace_error && !program->filter_error)
        return;
    (void)tell_untraced(session->recorder, program->trace_error, program->filter_error);
    await_continue(session->recorder, deadline);
}

int main(int argc, char *argv[])
{
    static struct streams streams;
    static struct session session;
    int64_t deadline = now_ms() + ANSWER_WITHIN_MS;
    secure_descriptors();
    prepare_process();
    if (argc >= 4 && strcmp(argv[2], "--main") == 0)
        serve_application(argv[1], argv + 3);
    if (argc < 4 || strcmp(argv[2], "--") != 0)
        give_up("usage: /.chaperone/shim GRANT -- PROGRAM [ARGUMENT...]; "
                "it is kubectl exec that starts this, with a grant from Chaperone");
    sigset_t heard = signals_of_session();
    session.recorder = dial(deadline, false);
    session.signals = open_signals(&heard);
    prepare_life(&session);
    open_streams(&streams);
    session.told.size = streams.size;
    await_listening(session.recorder, deadline);
    send_hello(session.recorder, &streams, argv[1], argv + 3, deadline);
    leave_to_recorder(&streams);
    session.program.is_followed = await_go(session.recorder, deadline);
    block_signals();
    prepare_program(&session.program, &streams, argv + 3, session.recorder);
    settle_tracing(&session, deadline);
    live_on(&session);
    open_gate(&session.program);
    leave_to_program(&streams);
    session.told.size_due = streams.tty;  /* it may have changed while the recorder decided */
    serve(&session);
}
