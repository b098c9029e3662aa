/*
 * Root without CAP_KILL, as in containers with few capabilities, may not signal what has become another user's
 * (kill(2)), but may as that user: the shim is it for a moment. Its real and saved user stay what they are, so that
 * nobody reaches it meanwhile.
 */
#include "shim.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The call itself: the C library's brings threads along. Changing user or group makes a process dumpable again where
 * fs.suid_dumpable says so.
 */
bool become(uid_t user)
{
    bool is_done = syscall(SYS_setresuid, -1, user, -1) == 0;
    (void)prctl(PR_SET_DUMPABLE, 0);
    return is_done;
}

int send_signal(pid_t pid, int signal)
{
    int sent = kill(pid, signal);
    if (sent == 0 || errno != EPERM)
        return sent;
    uid_t own = geteuid();
    if (become(real_user_of(pid < 0 ? -pid : pid))) {
        sent = kill(pid, signal);
        (void)become(own);
    }
    return sent;
}
