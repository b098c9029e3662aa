#include "shim.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { PACKET_MAX = 65536, FLAG_TTY = 1, FLAG_STDIN_PIPED = 2, FLAG_APPLICATION = 4, FLAG_RESUMED = 8, AGAIN_MS = 50 };

struct header {
    char magic[4];
    uint32_t flags;
    uint16_t rows, cols, xpixel, ypixel;
    uint32_t grant_len, argc, total, reserved;
};
_Static_assert(sizeof(struct header) == 32, "header of the hello");
_Static_assert(sizeof SOCKET_PATH <= sizeof ((struct sockaddr_un *)0)->sun_path, "SOCKET_PATH too long");

/* The hello on its way: filled until a packet is full, the descriptors ride on the first one. */
struct hello {
    int recorder;
    int64_t deadline;
    const struct streams *streams;
    bool first_sent;
    bool cut;
    size_t used;
    unsigned char packet[PACKET_MAX];
};

static _Noreturn void refuse_to_wait(void)
{
    give_up("the recorder did not answer within 30 seconds; nothing was run. "
            "See the logs of this pod's container chaperone-recorder");
}

/* SO_SNDTIMEO also bounds connect(2), which waits while the listener's backlog is full (unix(7)). */
static void bound_sending(int recorder, int64_t deadline)
{
    int left = time_left(deadline);
    struct timeval timeout = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000};
    if (left == 0)
        refuse_to_wait();
    if (setsockopt(recorder, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout))
        give_up_errno("set up the socket to the recorder", "");
}

static bool listens_later(int64_t deadline)
{
    struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
    if ((errno != ENOENT && errno != ECONNREFUSED) || time_left(deadline) <= AGAIN_MS)
        return false;
    (void)nanosleep(&pause, NULL);
    return true;
}

static int connect_within(int recorder, int64_t deadline, bool patient)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};
    int result;
    do {
        bound_sending(recorder, deadline);
        result = connect(recorder, (struct sockaddr *)&address, sizeof address);
    } while (result && (errno == EINTR || errno == EAGAIN || (patient && listens_later(deadline))));
    return result;
}

int dial(int64_t deadline, bool patient)
{
    int recorder = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (recorder < 0)
        give_up_errno("open a socket", "");
    if (connect_within(recorder, deadline, patient))
        give_up_errno("reach the recorder at " SOCKET_PATH,
                      ". Is this pod's container chaperone-recorder running?");
    return recorder;
}

static void attach_descriptors(struct msghdr *message, const struct streams *streams)
{
    size_t size = sizeof(int) * (size_t)streams->for_recorder_count;
    struct cmsghdr *control = message->msg_control;
    message->msg_controllen = (socklen_t)CMSG_SPACE(size);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = (socklen_t)CMSG_LEN(size);
    memcpy(CMSG_DATA(control), streams->for_recorder, size);
}

/* A recorder that hangs up early has left its reason in our queue: await_go reads it. */
static void send_packet(struct hello *hello)
{
    union {
        struct cmsghdr align;
        unsigned char bytes[CMSG_SPACE(sizeof ((struct streams *)0)->for_recorder)];
    } control = {0};
    struct iovec bytes = {hello->packet, hello->used};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control};
    if (hello->first_sent)
        message.msg_control = NULL;
    else
        attach_descriptors(&message, hello->streams);
    ssize_t sent;
    do {
        bound_sending(hello->recorder, hello->deadline);
        sent = sendmsg(hello->recorder, &message, MSG_NOSIGNAL);
    } while (sent < 0 && (errno == EINTR || errno == EAGAIN));
    if (sent < 0 && errno != EPIPE && errno != ECONNRESET)
        give_up_errno("send to the recorder", "");
    hello->cut = sent < 0;
    hello->first_sent = true;
    hello->used = 0;
}

static void append(struct hello *hello, const void *bytes, size_t length)
{
    const unsigned char *next = bytes;
    while (length > 0 && !hello->cut) {
        size_t room = PACKET_MAX - hello->used;
        size_t part = length < room ? length : room;
        memcpy(hello->packet + hello->used, next, part);
        hello->used += part;
        next += part;
        length -= part;
        if (hello->used == PACKET_MAX)
            send_packet(hello);
    }
}

static struct header make_header(const struct streams *streams, const char *grant, char *const argv[])
{
    size_t grant_len = strlen(grant), total = grant_len, argc = 0;
    for (; argv[argc]; argc++)
        total += strlen(argv[argc]) + 1;
    uint32_t flags = (streams->tty ? FLAG_TTY : 0U) | (streams->stdin_piped ? FLAG_STDIN_PIPED : 0U)
                     | (streams->of_application ? FLAG_APPLICATION : 0U) | (streams->resumed ? FLAG_RESUMED : 0U);
    return (struct header){
        .magic = {'C', 'S', 'H', '1'},
        .flags = htole32(flags),
        .rows = htole16(streams->size.ws_row),
        .cols = htole16(streams->size.ws_col),
        .xpixel = htole16(streams->size.ws_xpixel),
        .ypixel = htole16(streams->size.ws_ypixel),
        .grant_len = htole32((uint32_t)grant_len),
        .argc = htole32((uint32_t)argc),
        .total = htole32((uint32_t)total),  /* execve(2) limits argv to far below 4 GiB */
    };
}

void send_hello(int recorder, const struct streams *streams, const char *grant, char *const argv[],
                int64_t deadline)
{
    static struct hello hello;  /* static: too large for a small stack */
    struct header header = make_header(streams, grant, argv);
    hello = (struct hello){.recorder = recorder, .deadline = deadline, .streams = streams};
    append(&hello, &header, sizeof header);
    append(&hello, grant, strlen(grant));
    for (size_t i = 0; argv[i]; i++)
        append(&hello, argv[i], strlen(argv[i]) + 1);
    if (hello.used > 0 && !hello.cut)
        send_packet(&hello);
}

/*
 * ECONNRESET says, once, that the recorder closed with messages of ours unread; what it
 * sent before is still to be had (unix(7) sockets keep it), so it is asked for again.
 */
static ssize_t receive(int recorder, unsigned char *buffer, size_t size)
{
    ssize_t length;
    do
        length = recv(recorder, buffer, size, 0);
    while (length < 0 && (errno == EINTR || errno == ECONNRESET));
    return length;
}

struct message hear(int recorder)
{
    unsigned char buffer[1 + REASON_MAX];
    struct message message = {.kind = LOST};
    ssize_t length = receive(recorder, buffer, sizeof buffer);
    if (length <= 0)
        return message;
    size_t reason = 1;
    message.kind = buffer[0];
    if (message.kind == TERMINATE && length > 1)
        message.signal = buffer[reason++];
    memcpy(message.reason, buffer + reason, (size_t)length - reason);
    return message;
}

/* Gives which of two messages came. */
static enum from_recorder await_either(int recorder, enum from_recorder kind, enum from_recorder other,
                                       int64_t deadline)
{
    struct pollfd answer = {.fd = recorder, .events = POLLIN};
    while (poll(&answer, 1, time_left(deadline)) <= 0)
        if (time_left(deadline) == 0)
            refuse_to_wait();
    struct message message = hear(recorder);
    if (message.kind == REFUSED || message.kind == TERMINATE)
        give_up(message.reason);
    if (message.kind == LOST)
        give_up("the recorder closed the connection before the session began; nothing was run");
    if (message.kind != kind && message.kind != other)
        give_up("the recorder answered with something unknown; nothing was run. "
                "Shim and recorder must be of one version: restart the pod");
    return message.kind;
}

static void await(int recorder, enum from_recorder kind, int64_t deadline)
{
    (void)await_either(recorder, kind, kind, deadline);
}

/*
 * Descriptors in the queue of a recorder that does not read would outlive the shim, and whoever
 * waits for their end, the client, would wait as long.
 */
void await_listening(int recorder, int64_t deadline)
{
    await(recorder, LISTENING, deadline);
}

bool await_go(int recorder, int64_t deadline)
{
    return await_either(recorder, GO, GO_UNTRACED, deadline) == GO;
}

void await_continue(int recorder, int64_t deadline)
{
    await(recorder, CONTINUE, deadline);
}

/* A recorder that is gone takes no message: hear() finds that out and ends the session. */
static bool tell(int recorder, const void *bytes, size_t length)
{
    ssize_t sent;
    do
        sent = send(recorder, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 || errno != EAGAIN;
}

static bool tell_exec_failed(int recorder, int error)
{
    struct __attribute__((packed)) {
        char kind;
        uint32_t error;
    } message = {'F', htole32((uint32_t)error)};
    return tell(recorder, &message, sizeof message);
}

static bool tell_ended(int recorder, int code, int signal)
{
    unsigned char message[] = {'X', (unsigned char)code, (unsigned char)signal};
    return tell(recorder, message, sizeof message);
}

static bool tell_size(int recorder, struct winsize size)
{
    struct __attribute__((packed)) {
        char kind;
        uint16_t rows, cols, xpixel, ypixel;
    } message = {'W', htole16(size.ws_row), htole16(size.ws_col), htole16(size.ws_xpixel),
                 htole16(size.ws_ypixel)};
    return tell(recorder, &message, sizeof message);
}

/* The terminal's size, where it is another one now, and that the program could not be run. */
bool start_is_told(int recorder, const struct program *program, struct told *told)
{
    struct winsize size;
    if (told->size_due && outer_size(&size) && memcmp(&size, &told->size, sizeof size)) {
        if (!tell_size(recorder, size))
            return false;
        told->size = size;
    }
    told->size_due = false;
    if (program->error && !told->error)
        told->error = tell_exec_failed(recorder, program->error);
    return told->error || !program->error;
}

bool end_is_told(int recorder, const struct program *program, struct told *told)
{
    if (!told->end)
        told->end = tell_ended(recorder, program->code, program->signal);
    return told->end;
}

bool tell_program(int recorder, const unsigned char *packet, size_t length)
{
    return tell(recorder, packet, length);
}

bool tell_untraced(int recorder, int trace_error, int filter_error)
{
    struct __attribute__((packed)) {
        char kind;
        uint32_t trace_error, filter_error;
    } message = {'U', htole32((uint32_t)trace_error), htole32((uint32_t)filter_error)};
    return tell(recorder, &message, sizeof message);
}
