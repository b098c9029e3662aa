/*
 * Holds a pod's namespaces, or a whole local node's, and reaps what is reparented to it.
 * Ends on SIGTERM and SIGINT; as the first process of a PID namespace its end ends all the others.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void reap(int signal)
{
	(void)signal;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void end(int signal)
{
	(void)signal;
	_exit(0);
}

int main(void)
{
	struct sigaction on_child = {.sa_handler = reap, .sa_flags = SA_NOCLDSTOP | SA_RESTART};
	struct sigaction on_end = {.sa_handler = end};

	if (sigaction(SIGCHLD, &on_child, NULL) || sigaction(SIGTERM, &on_end, NULL) || sigaction(SIGINT, &on_end, NULL))
		return 1;
	reap(SIGCHLD);
	for (;;)
		pause();
}
