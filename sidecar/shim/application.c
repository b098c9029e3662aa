/*
 * A container's own program, under the shim as the container's first process: its output is masked before
 * the runtime has it. It is no session, and it does not end with its recorder: the shim keeps descriptors of
 * its own, and hands them over again to the recorder that comes next. Until then the output waits in the
 * program's pipes, and the program when they are full.
 */
#include "shim.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST_PAUSE_MS = 100, LONGEST_PAUSE_MS = 5000 };

struct application {
    const char *grant;
    char *const *argv;
    struct streams streams;
    struct program program;
    struct tracer tracer;  /* of nothing; collect() wants one */
    int signals;
    int recorder;          /* -1 while there is none */
    int dialling;          /* the next one comes from there; -1 while nobody dials */
    int64_t dial_at;
    int pause_ms;
    struct told told;
    bool alone;
    int64_t leave_at;      /* 0 while the program runs */
};

/* The kernel lets a container's first process ignore what it has no handler for (pid_namespaces(7)). */
static void end_at_once(int number)
{
    _exit(EXIT_SIGNAL_BASE + number);
}

static void obey_before_start(void)
{
    static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        (void)signal(ending[i], end_at_once);
}

/* All but those that stop jobs, which a container's first process ignores, and the shim's own. */
static sigset_t forwarded_signals(void)
{
    static const int left_out[] = {SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE};
    sigset_t set;
    (void)sigfillset(&set);
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        (void)sigdelset(&set, left_out[i]);
    return set;
}

static int ask_recorder(struct application *application, bool patient)
{
    int64_t deadline = now_ms() + ANSWER_WITHIN_MS;
    int recorder = dial(deadline, patient);
    await_listening(recorder, deadline);
    send_hello(recorder, &application->streams, application->grant, application->argv, deadline);
    (void)await_go(recorder, deadline);
    return recorder;
}

static void pass_on(int to, int descriptor)
{
    union {
        struct cmsghdr align;
        unsigned char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec bytes = {"", 1};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    (void)sendmsg(to, &message, MSG_NOSIGNAL);
}

/* Gives -1 when whoever dialled ended without a recorder. */
static int take_over(int from)
{
    union {
        struct cmsghdr align;
        unsigned char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    int descriptor = -1;
    struct iovec bytes = {&byte, 1};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    if (recvmsg(from, &message, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof descriptor))
        memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    return descriptor;
}

static void wait_before_dialling(struct application *application)
{
    application->dial_at = now_ms() + application->pause_ms;
    application->pause_ms *= 2;
    if (application->pause_ms > LONGEST_PAUSE_MS)
        application->pause_ms = LONGEST_PAUSE_MS;
}

/* A process of its own dials, so that signals and ends are heard meanwhile. */
static void dial_again(struct application *application)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) {
        wait_before_dialling(application);
        return;
    }
    pid_t dialler = fork();
    if (dialler == 0) {
        be_silent();
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)close(ends[0]);
        (void)close(application->signals);
        pass_on(ends[1], ask_recorder(application, false));
        _exit(0);
    }
    (void)close(ends[1]);
    application->dialling = ends[0];
}

static void hear_dialler(struct application *application)
{
    application->recorder = take_over(application->dialling);
    (void)close(application->dialling);
    application->dialling = -1;
    if (application->recorder < 0)
        wait_before_dialling(application);
    else
        application->pause_ms = FIRST_PAUSE_MS;
}

static void lose_recorder(struct application *application)
{
    (void)close(application->recorder);
    application->recorder = -1;
    application->told.error = application->told.end = false;
    application->streams.size = application->told.size;  /* the next hello says it */
    application->streams.resumed = true;
    wait_before_dialling(application);
}

static _Noreturn void leave(const struct application *application)
{
    restore_terminal();
    _exit(application->program.code);
}

static void hear_recorder(struct application *application)
{
    struct message message = hear(application->recorder);
    if (message.kind == INPUT_ENDED)
        end_input(&application->streams);
    else if (message.kind == DELIVERED && application->told.end)
        leave(application);
    else
        lose_recorder(application);
}

static void hear_signals(struct application *application)
{
    struct signalfd_siginfo info;
    while (read(application->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        int number = (int)info.ssi_signo;
        if (number == SIGCHLD)
            continue;  /* collect() looks after every wake-up */
        if (number == SIGWINCH && application->streams.tty)
            application->told.size_due = true;
        else
            signal_program(&application->program, number);
    }
}

/*
 * With a container's first process the kernel would end all others: as then, they end with it. So would
 * whoever dials just now, which is waited for.
 */
static void settle_end(struct application *application)
{
    if (!application->program.ended || application->alone)
        return;
    if (!application->leave_at)
        application->leave_at = now_ms() + DELIVER_WITHIN_MS;
    if (application->dialling >= 0 && time_left(application->leave_at) > 0)
        return;
    (void)end_descendants(&application->program, &application->tracer);
    application->alone = true;
}

static int sooner(int64_t deadline, int patience)
{
    int left = time_left(deadline);
    return patience < 0 || left < patience ? left : patience;
}

static int patience(const struct application *application)
{
    int patience = -1;
    if (application->leave_at)
        patience = sooner(application->leave_at, patience);
    if (application->recorder < 0 && application->dialling < 0)
        patience = sooner(application->dial_at, patience);
    return patience;
}

static void do_what_is_due(struct application *application)
{
    (void)collect(&application->program, &application->tracer);
    settle_end(application);
    if (application->leave_at && time_left(application->leave_at) == 0)
        leave(application);  /* what no recorder took within this time is not shown */
    if (application->recorder < 0 && application->dialling < 0 && time_left(application->dial_at) == 0)
        dial_again(application);
}

static _Noreturn void serve(struct application *application)
{
    for (;;) {
        do_what_is_due(application);
        bool all_told = application->recorder < 0
                        || (start_is_told(application->recorder, &application->program, &application->told)
                            && (!application->alone
                                || end_is_told(application->recorder, &application->program, &application->told)));
        struct pollfd watched[] = {
            {.fd = application->recorder, .events = (short)(all_told ? POLLIN : POLLIN | POLLOUT)},
            {.fd = application->signals, .events = POLLIN},
            {.fd = application->program.exec_errors, .events = POLLIN},
            {.fd = application->dialling, .events = POLLIN},
        };
        if (poll(watched, sizeof watched / sizeof *watched, patience(application)) < 0)
            continue;
        if (watched[0].revents & ~POLLOUT)
            hear_recorder(application);
        if (watched[1].revents)
            hear_signals(application);
        if (watched[2].revents)
            read_exec_error(&application->program);
        if (watched[3].revents)
            hear_dialler(application);
    }
}

void serve_application(const char *grant, char *const argv[])
{
    static struct application application;
    sigset_t forwarded = forwarded_signals();
    application.grant = grant;
    application.argv = argv;
    application.dialling = -1;
    application.pause_ms = FIRST_PAUSE_MS;
    application.program.is_application = application.streams.of_application = true;
    say_also_to_kubelet();
    obey_before_start();
    application.signals = open_signals(&forwarded);
    open_streams(&application.streams);
    application.recorder = ask_recorder(&application, true);
    block_signals();
    prepare_program(&application.program, &application.streams, argv, application.recorder);
    open_gate(&application.program);
    leave_ends_to_program(&application.streams);
    application.told.size = application.streams.size;
    application.told.size_due = application.streams.tty;
    serve(&application);
}
