#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/*
 * What source and sink counted, in a file that the benchmark maps too, so
 * that watching them costs them nothing. Times are nanoseconds of the
 * monotonic clock, which all processes share; 0 is never. times[N] is when
 * message N was accepted (source), or arrived first (sink).
 */
struct tally {
	uint64_t ready; /* 1 once it listens */
	uint64_t connections;
	uint64_t messages;
	uint64_t recipients; /* of these messages */
	uint64_t failures;
	uint64_t first; /* the first connection */
	uint64_t last;  /* the last message */
	uint64_t slots; /* of times */
	uint64_t times[];
};

static inline uint64_t
tally_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Creates the file and maps it. Exits 111 when that fails. */
static inline struct tally *
tally_open(char const *path, uint64_t slots)
{
	size_t size = sizeof(struct tally) + (size_t)slots * sizeof(uint64_t);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	struct tally *tally;

	if (fd == -1 || ftruncate(fd, (off_t)size) == -1) {
		perror(path);
		exit(111);
	}
	tally = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (tally == MAP_FAILED) {
		perror(path);
		exit(111);
	}
	close(fd);
	tally->slots = slots;
	return tally;
}

#endif
