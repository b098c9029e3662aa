#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ENDING "\r\n"

#ifndef LAST_WORD_PATH
#define LAST_WORD_PATH "/dev/termination-log"
#endif

enum { PATIENCE_MS = 1000 };

static bool kubelet_reads, silent;

/* A reason or a file name must not become a second line or an escape sequence. */
static void make_one_line(char *text)
{
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
}

static bool is_raw_terminal(int fd)
{
    struct termios now;
    return tcgetattr(fd, &now) == 0 && !(now.c_oflag & OPOST);
}

/* poll(2) first: standard error may be a full pipe that nobody empties any more. */
static void write_patiently(const char *bytes, size_t length)
{
    int64_t deadline = now_ms() + PATIENCE_MS;
    while (length > 0 && now_ms() < deadline) {
        struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};
        if (poll(&out, 1, time_left(deadline)) <= 0)
            continue;
        ssize_t written = write(STDERR_FILENO, bytes, length);
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            return;
        if (written < 0)
            continue;
        bytes += written;
        length -= (size_t)written;
    }
}

static size_t append(char *line, size_t used, size_t size, const char *part)
{
    while (*part && used < size)
        line[used++] = *part++;
    return used;
}

void say_also_to_kubelet(void)
{
    kubelet_reads = true;
}

void be_silent(void)
{
    silent = true;
}

/* The kubelet mounts it where the pod does not say otherwise (terminationMessagePath). */
static void write_last_word(const char *line, size_t length)
{
    int file = kubelet_reads ? open(LAST_WORD_PATH, O_WRONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    ssize_t written = write(file, line, length);
    (void)written;  /* standard error has it */
    (void)close(file);
}

void say(const char *part, ...)
{
    char line[REASON_MAX + 64] = "chaperone: ";
    size_t used = strlen(line), room = sizeof line - sizeof ENDING;
    va_list parts;
    va_start(parts, part);
    for (; part; part = va_arg(parts, const char *))
        used = append(line, used, room, part);
    va_end(parts);
    if (silent)
        return;
    make_one_line(line);
    write_last_word(line, used);
    used = append(line, used, sizeof line, is_raw_terminal(STDERR_FILENO) ? ENDING : "\n");
    write_patiently(line, used);
}

void give_up(const char *reason)
{
    restore_terminal();
    say(reason, NULL);
    _exit(EXIT_REFUSED);
}

void give_up_errno(const char *what, const char *hint)
{
    const char *error = strerror(errno);
    restore_terminal();
    say("cannot ", what, ": ", error, "; nothing was run", hint, NULL);
    _exit(EXIT_REFUSED);
}

int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int time_left(int64_t deadline)
{
    int64_t left = deadline - now_ms();
    return left > 0 ? (int)left : 0;
}
