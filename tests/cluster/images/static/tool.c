/* A few commands for tests in a container that has no shell. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void end(int number)
{
	_exit(number == SIGTERM ? 0 : 128 + number);
}

static int echo(char **words)
{
	for (; *words; words++)
		printf("%s%s", *words, words[1] ? " " : "");
	puts("");
	return 0;
}

static int cat(int out)
{
	char data[65536];
	ssize_t got;

	while ((got = read(0, data, sizeof data)) > 0)
		for (ssize_t done = 0, n; done < got; done += n)
			if ((n = write(out, data + done, got - done)) < 0)
				return 1;
	return got < 0;
}

static int wait_for(const char *seconds)
{
	signal(SIGTERM, end);
	if (!strcmp(seconds, "infinity"))
		for (;;)
			pause();
	usleep((useconds_t)(atof(seconds) * 1e6));
	return 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "echo"))
		return echo(argv + 2);
	if (!strcmp(command, "cat"))
		return cat(1);
	if (!strcmp(command, "cat-error"))
		return cat(2);
	if (!strcmp(command, "sleep") && argc == 3)
		return wait_for(argv[2]);
	if (!strcmp(command, "exit") && argc == 3)
		return atoi(argv[2]);
	if (!strcmp(command, "id"))
		return printf("%d %d\n", (int)getuid(), (int)getgid()) < 0;
	if (!strcmp(command, "tty"))
		return !isatty(0);
	fputs("usage: tool echo WORD...|cat|cat-error|sleep SECONDS|exit CODE|id|tty\n", stderr);
	return 2;
}
