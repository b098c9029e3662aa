/*
 * The Chaperone shim runs one program of a guarded container in a recorded
 * session. It asks the recorder first, hands it the session's descriptors, and
 * starts the program only when the recorder says so.
 *
 *   shim.c         main and the loop that serves a running session
 *   recorder.c     the socket to the recorder: hello, verdict, messages
 *   streams.c      terminals and pipes, outer (the client's) and inner (the program's)
 *   program.c      fork and exec
 *   filter.c       what a process of the session must not do, so that nothing starts untraced
 *   tracing.c      holding every program that starts until the recorder knows it
 *   programs.c     what there is to know of it
 *   denying.c      what becomes of one that may not run
 *   descendants.c  waiting for, and ending, everything the program left behind
 *   application.c  a container's own program, which is no session and outlives its recorder
 *   say.c          what people read
 */
#ifndef CHAPERONE_SHIM_H
#define CHAPERONE_SHIM_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <termios.h>

/* Compiled in: an argument or a variable would let the caller choose another recorder. */
#ifndef SOCKET_PATH
#define SOCKET_PATH "/.chaperone/sock"
#endif

/* How long a shim may not run at all, in milliseconds: longer than a loaded node keeps it waiting. */
#ifndef STOPPED_MAX_MS
#define STOPPED_MAX_MS 60000
#endif

enum {
    EXIT_REFUSED = 126,   /* also: the program cannot be executed (POSIX, exit status of utilities) */
    EXIT_NOT_FOUND = 127,
    EXIT_SIGNAL_BASE = 128,
};

enum {
    ANSWER_WITHIN_MS = 30000,  /* from start to the recorder's verdict */
    START_WITHIN_MS = 10000,   /* for the new process to be ready */
    TRACE_WITHIN_MS = 50,      /* for somebody else who traces the program to show */
    KILL_AFTER_MS = 2000,      /* from the recorder's T to SIGKILL */
    END_WITHIN_MS = 5000,      /* to kill and reap what is left */
    DELIVER_WITHIN_MS = 10000, /* from the end of a container's own program to the shim's */
    REASON_MAX = 1024,
    WAITING_MAX = 1024,        /* programs that wait for the recorder; beyond, nothing in the session goes on */
    PROGRAM_MAX = 65536,       /* what the recorder is told of one */
    REFUSING_MAX = 64,         /* programs that say why they may not run; beyond, they are killed */
};

/* say.c */

/* One line on standard error, "chaperone: …", put together from parts up to NULL. Drops it where nobody reads. */
void say(const char *part, ...) __attribute__((sentinel));

/* Nothing runs yet: says why, puts the terminal back, exits 126. */
_Noreturn void give_up(const char *reason);

/* Gives up with "cannot <what>: <errno in words>; nothing was run<hint>". */
_Noreturn void give_up_errno(const char *what, const char *hint);

/* Why nothing runs goes where the kubelet looks for a container's last word, too. */
void say_also_to_kubelet(void);

/* From here on nothing is said. */
void be_silent(void);

/* Milliseconds on a clock that never jumps. */
int64_t now_ms(void);

/* Milliseconds until `deadline`, at least 0. */
int time_left(int64_t deadline);

/* streams.c */

struct streams {
    bool tty;
    bool of_application;   /* of a container's own program, not of a session */
    bool resumed;          /* another recorder had them before */
    bool stdin_piped;      /* there is input: neither closed nor /dev/null */
    struct winsize size;
    int for_recorder[6];   /* in the order of the protocol */
    int for_recorder_count;
    int for_program[3];
};

void secure_descriptors(void);
void open_streams(struct streams *streams);

/* The recorder's copies are what counts: ours would keep the client from seeing the end. */
void leave_to_recorder(const struct streams *streams);
void leave_to_program(const struct streams *streams);

/* What only the program needs. */
void leave_ends_to_program(const struct streams *streams);

/* There is no more input, for this recorder and all that come after. */
void end_input(struct streams *streams);

bool outer_size(struct winsize *size);
void restore_terminal(void);

/* recorder.c */

enum from_recorder {
    LISTENING = 'L', GO = 'G', GO_UNTRACED = 'N', REFUSED = 'R', CONTINUE = 'C', DENIED = 'D', DELIVERED = 'K', TERMINATE = 'T',
    INPUT_ENDED = 'I', LOST = 0
};

struct message {
    enum from_recorder kind;
    int signal;                    /* TERMINATE */
    char reason[REASON_MAX + 1];   /* REFUSED, DENIED, TERMINATE */
};

/* A patient one waits for a recorder that does not listen yet. */
int dial(int64_t deadline, bool patient);
void send_hello(int recorder, const struct streams *streams, const char *grant, char *const argv[],
                int64_t deadline);

/* Wait for the recorder's word; without it nothing is handed over and nothing runs. */
void await_listening(int recorder, int64_t deadline);
/* Gives whether what runs is to be traced. */
bool await_go(int recorder, int64_t deadline);
void await_continue(int recorder, int64_t deadline);

struct message hear(int recorder);

struct program;

/* What a recorder has heard. */
struct told {
    struct winsize size;
    bool size_due;
    bool error, end;
};

/* Each gives false when the message has to wait until the socket is writable. */
bool start_is_told(int recorder, const struct program *program, struct told *told);
bool end_is_told(int recorder, const struct program *program, struct told *told);
bool tell_program(int recorder, const unsigned char *packet, size_t length);
bool tell_untraced(int recorder, int trace_error, int filter_error);

/* program.c */

struct program {
    pid_t pid;
    bool is_application;  /* signals go to it alone */
    bool is_followed;  /* traced, and filtered: what becomes of it is seen */
    int exec_errors;   /* pipe: an errno when exec failed, the end when it worked; then -1 */
    int error;         /* that errno, 0 for none */
    int gate;          /* held until the program may begin */
    int trace_error;   /* errno: it is not traced */
    int filter_error;  /* errno: it can start others that are not traced */
    bool ended;
    int code;
    int signal;
};

void reset_signals(void);

/* Everything but exec, which waits for open_gate(). Whether it is an application, or followed, is filled in. */
void prepare_program(struct program *program, const struct streams *streams, char *const argv[], int recorder);
void open_gate(struct program *program);
void read_exec_error(struct program *program);
void signal_program(const struct program *program, int signal);
void note_end(struct program *program, int status);

/* filter.c */

/* Give an errno, 0 when it is in force. */
int forbid_untraced(void);

/* tracing.c */

struct tracer {
    pid_t waiting[WAITING_MAX];  /* stopped at exec, a ring by first come; 0 for one that was killed */
    size_t first, count;
    bool asked;                  /* the recorder has been told of the first and has not answered */
    bool ending;                 /* nothing goes on any more */
    pid_t refusing[REFUSING_MAX]; /* 0 for a free place */
    size_t length;
    unsigned char packet[PROGRAM_MAX];  /* what it was told */
};

/* Gives an errno, 0 when the process is traced; gives up when somebody else was faster. */
int trace_first(pid_t pid);

/* Whether one more program may be held; at the end of a session none is. */
bool has_room(const struct tracer *tracer);
void take_stop(struct tracer *tracer, pid_t pid, int status);
void forget(struct tracer *tracer, pid_t pid);

/* The program the recorder has to be told of, 0 for none now. */
pid_t next_to_tell(struct tracer *tracer);

/* The recorder knows it: it runs, or says why not and exits. False when nothing was asked. */
bool take_answer(struct tracer *tracer, const char *denial);

/* denying.c */

/* Has to be resumed up to its next system call then; false when it can only be killed. */
bool make_refuse(pid_t pid, const char *reason);

/* Whether the system call at which it stands is one it was made to do. */
bool refuses_still(pid_t pid);

/* programs.c */

/* Gives the length of the packet, at most PROGRAM_MAX; 0 when the program cannot be looked at. */
size_t describe_program(pid_t pid, unsigned char *packet);

/* Whether the arguments of a program that was told of in this packet are as they were then. */
bool is_as_told(pid_t pid, const unsigned char *packet, size_t length);

/* Who traces a process, 0 for nobody. */
pid_t tracer_of(pid_t pid);

/* -1, which changes nothing, where it cannot be looked at. */
uid_t real_user_of(pid_t pid);

/* sending.c */

/* Takes another user's rights, or its own back, and stays closed to whoever would read or trace it. */
bool become(uid_t user);

/* As kill(2), a group too; also to what has become another user's. */
int send_signal(pid_t pid, int signal);

/* descendants.c */

bool collect(struct program *program, struct tracer *tracer);
bool end_descendants(struct program *program, struct tracer *tracer);

/* application.c */

_Noreturn void serve_application(const char *grant, char *const argv[]);

/* shim.c */

int open_signals(const sigset_t *heard);
void block_signals(void);

#endif
