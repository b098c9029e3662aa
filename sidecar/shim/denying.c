/*
 * A program that may not run is made to say so and to exit, in place of its first instruction:
 * with the error output it was given, and the exit status a shell expects (POSIX: 126).
 */
#include "shim.h"

#include <elf.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

#if defined(__x86_64__) || defined(__aarch64__)

enum { BELOW_STACK = 256, ALIGNMENT = 16, DENIAL_MAX = 1280 };

#if defined(__x86_64__)

/* The end of its execve(2), the first of the stops. */
#define NO_CALL (~0UL)

/* write(2, …): its other arguments are in registers; then exit_group(126). */
static const unsigned char instructions[] = {
    0xb8, 0x01, 0x00, 0x00, 0x00,  /* mov $1, %eax */
    0x0f, 0x05,                    /* syscall */
    0xb8, 0xe7, 0x00, 0x00, 0x00,  /* mov $231, %eax */
    0xbf, EXIT_REFUSED, 0, 0, 0,   /* mov $126, %edi */
    0x0f, 0x05,                    /* syscall */
    0x0f, 0x0b, 0x90, 0x90, 0x90,  /* ud2; to a whole word */
};

static unsigned long stack_of(const struct user_regs_struct *registers) { return registers->rsp; }
static unsigned long next_of(const struct user_regs_struct *registers) { return registers->rip; }

static void give_arguments(struct user_regs_struct *registers, unsigned long line, size_t length)
{
    registers->orig_rax = NO_CALL;
    registers->rdi = 2;
    registers->rsi = line;
    registers->rdx = length;
}

static bool is_as_made(const struct user_regs_struct *registers)
{
    return registers->orig_rax == NO_CALL || registers->orig_rax == SYS_exit_group
           || (registers->orig_rax == SYS_write && registers->rdi == 2);
}

#else

/* The same. The first argument is no register's: the kernel writes there what execve(2) gave, after this. */
static const uint32_t instructions[] = {
    0xd2800040,  /* mov x0, #2 */
    0xd2800808,  /* mov x8, #64 */
    0xd4000001,  /* svc #0 */
    0xd2800000 | EXIT_REFUSED << 5,  /* mov x0, #126 */
    0xd2800bc8,  /* mov x8, #94 */
    0xd4000001,  /* svc #0 */
    0xd4200000,  /* brk #0 */
    0xd503201f,  /* nop; to a whole word */
};

static unsigned long stack_of(const struct user_regs_struct *registers) { return registers->sp; }
static unsigned long next_of(const struct user_regs_struct *registers) { return registers->pc; }

static void give_arguments(struct user_regs_struct *registers, unsigned long line, size_t length)
{
    registers->regs[1] = line;
    registers->regs[2] = length;
}

/* Register 7 says in a stop whether a call begins or ends; at the end of execve(2) all others are 0. */
static bool is_as_made(const struct user_regs_struct *registers)
{
    bool ends = registers->regs[7] == 1;
    unsigned long call = registers->regs[8];
    return call == SYS_exit_group || (call == SYS_write && (ends || registers->regs[0] == 2)) || (call == 0 && ends);
}

#endif

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
    unsigned long at = (stack_of(&registers) - BELOW_STACK - DENIAL_MAX) & ~(unsigned long)(ALIGNMENT - 1);
    give_arguments(&registers, at, length);
    return put(pid, at, line, length)
           && put(pid, next_of(&registers), instructions, sizeof instructions)
           && ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &all) == 0;
}

bool refuses_still(pid_t pid)
{
    struct user_regs_struct registers;
    struct iovec all = {&registers, sizeof registers};
    if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &all) || all.iov_len != sizeof registers)
        return false;
    return is_as_made(&registers);
}

#else

bool refuses_still(pid_t pid)
{
    (void)pid;
    return false;
}

/* Not written for this processor: the program is killed. */
bool make_refuse(pid_t pid, const char *reason)
{
    (void)pid;
    (void)reason;
    return false;
}

#endif
