/*
 * A program that may not run is made to say so and to exit, in place of its first instruction:
 * with the error output it was given, and the exit status a shell expects (POSIX: 126).
 */
#include "shim.h"

#include <elf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

#if defined(__x86_64__)

enum { BELOW_STACK = 256, ALIGNMENT = 16, DENIAL_MAX = 1280 };

/* write(2, …): its other arguments are in registers; then exit_group(126). */
static const unsigned char instructions[] = {
    0xb8, 0x01, 0x00, 0x00, 0x00,  /* mov $1, %eax */
    0x0f, 0x05,                    /* syscall */
    0xb8, 0xe7, 0x00, 0x00, 0x00,  /* mov $231, %eax */
    0xbf, EXIT_REFUSED, 0, 0, 0,   /* mov $126, %edi */
    0x0f, 0x05,                    /* syscall */
    0x0f, 0x0b, 0x90, 0x90, 0x90,  /* ud2; to a whole word */
};
_Static_assert(sizeof instructions % sizeof(long) == 0, "words are written");

static bool put(pid_t pid, unsigned long at, const void *bytes, size_t length)
{
    for (size_t done = 0; done < length; done += sizeof(long)) {
        long word;
        memcpy(&word, (const char *)bytes + done, sizeof word);
        if (ptrace(PTRACE_POKEDATA, pid, (void *)(at + done), (void *)word))
            return false;
    }
    return true;
}

static size_t write_line(char *line, const char *reason)
{
    size_t used = strlen(strcpy(line, "chaperone: "));
    for (; *reason && used < DENIAL_MAX - 1; reason++)
        line[used++] = (unsigned char)*reason < ' ' || *reason == 0x7f ? ' ' : *reason;
    line[used++] = '\n';
    return used;
}

/* False for a 32-bit program, which has other registers, and for one whose memory nobody may touch. */
bool make_refuse(pid_t pid, const char *reason)
{
    static char line[DENIAL_MAX + sizeof(long)];
    struct user_regs_struct registers;
    struct iovec all = {&registers, sizeof registers};
    size_t length = write_line(line, reason);
    if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &all) || all.iov_len != sizeof registers)
        return false;
    registers.rdi = 2;
    registers.rsi = (registers.rsp - BELOW_STACK - DENIAL_MAX) & ~(unsigned long)(ALIGNMENT - 1);
    registers.rdx = length;
    return put(pid, registers.rsi, line, length)
           && put(pid, registers.rip, instructions, sizeof instructions)
           && ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &all) == 0;
}

#else

/* Not written for this processor: the program is killed. */
bool make_refuse(pid_t pid, const char *reason)
{
    (void)pid;
    (void)reason;
    return false;
}

#endif
