/*
 * What keeps a process of the session from starting another one untraced, or one whose directory it can still
 * change: a seccomp(2) filter.
 */
#include "shim.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <sys/prctl.h>

/* linux/audit.h and linux/seccomp.h; the second architecture is the one that runs 32-bit programs. */
#if defined(__x86_64__)
enum { CLONE = 56, COMPAT_CLONE = 120 };
#define ARCHITECTURE 0xc000003eU
#define COMPAT_ARCHITECTURE 0x40000003U
#define NUMBER_BITS 0xbfffffffU  /* the x32 ABI sets another one */
#elif defined(__aarch64__)
enum { CLONE = 220, COMPAT_CLONE = 120 };
#define ARCHITECTURE 0xc00000b7U
#define COMPAT_ARCHITECTURE 0x40000028U
#define NUMBER_BITS 0xffffffffU
#else
#error "say here how this architecture numbers clone(2)"
#endif

enum { CLONE3 = 435, UNTRACED = 0x00800000, THREAD = 0x00010000, SHARED_DIRECTORY = 0x00000200 };

struct instruction {
    uint16_t code;
    uint8_t if_true, if_false;
    uint32_t k;
};

struct system_call {
    int32_t number;
    uint32_t architecture;
    uint64_t at, arguments[6];
};

#if BYTE_ORDER != LITTLE_ENDIAN
#error "the filter reads the lower half of an argument where a little-endian machine has it"
#endif

#define LOAD(field) {0x20, 0, 0, (uint32_t)offsetof(struct system_call, field)}
#define AND(bits) {0x54, 0, 0, bits}
#define IF_EQUAL(value, true, false) {0x15, true, false, value}
#define IF_SET(bits, true, false) {0x45, true, false, bits}
#define RETURN(value) {0x06, 0, 0, value}
#define ALLOW 0x7fff0000U
#define FAIL 0x00050000U

/*
 * CLONE_UNTRACED (clone(2)) is refused. So is CLONE_FS but for threads, which end when their program becomes another:
 * of all that processes may share it alone outlasts execve(2), and whoever shares it could move a program that waits
 * to another directory or root once that was judged or approved. clone3(2) has its flags in memory, where no filter
 * sees them, so it "does not exist": the C libraries then use clone(2), as under the profiles of container runtimes.
 * A filter needs no_new_privs, which takes nothing: a setuid program gains no rights under a tracer either.
 */
int forbid_untraced(void)
{
    static struct instruction program[] = {
        LOAD(architecture),
        IF_EQUAL(ARCHITECTURE, 4, 0),
        IF_EQUAL(COMPAT_ARCHITECTURE, 0, 12),
        LOAD(number),
        IF_EQUAL(COMPAT_CLONE, 5, 0),
        IF_EQUAL(CLONE3, 9, 8),
        LOAD(number),
        AND(NUMBER_BITS),
        IF_EQUAL(CLONE, 1, 0),
        IF_EQUAL(CLONE3, 5, 4),
        LOAD(arguments[0]),
        IF_SET(UNTRACED, 4, 0),
        IF_SET(THREAD, 1, 0),
        IF_SET(SHARED_DIRECTORY, 2, 0),
        RETURN(ALLOW),
        RETURN(FAIL | ENOSYS),
        RETURN(FAIL | EPERM),
    };
    struct {
        unsigned short length;
        struct instruction *program;
    } filter = {sizeof program / sizeof *program, program};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &filter, 0, 0))
        return errno;
    return 0;
}
