#define _GNU_SOURCE /* memfd_create */

#include "spool/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/crc32c.h"
#include "spool/layout.h"
#include "wire/seal.h"

static int file = -1;

static enum entry_result
read_file(struct entry *e, struct span a, struct span b)
{
	if (file == -1)
		file = memfd_create("entry", 0);
	if (ftruncate(file, 0) == -1 || pwrite(file, a.s, a.len, 0) != (ssize_t)a.len ||
		pwrite(file, b.s, b.len, (off_t)a.len) != (ssize_t)b.len)
		abort();
	return entry_read(e, file);
}

/* What is good is whole: its parts are the file, and its recipients can be stepped through. */
static void
entry_check(struct entry *e, size_t size)
{
	struct span recipient;
	size_t position = 0;
	uint64_t count = 0;

	if (e->message + e->records.len + SEAL_SIZE != size)
		abort();
	while (envelope_recipient_next(&e->envelope, &position, &recipient)) {
		if (recipient.s < e->records.s ||
			recipient.s + recipient.len > e->records.s + e->records.len ||
			recipient.len >= ADDRESS_LIMIT)
			abort();
		count++;
	}
	if (count != e->envelope.recipients)
		abort();
	entry_close(e);
}

static void
name_check(struct span name)
{
	char text[64], back[64];
	uint64_t id;

	if (name.len >= sizeof text)
		return;
	memcpy(text, name.s, name.len);
	text[name.len] = '\0';
	if (strlen(text) == name.len && spool_id_parse(text, &id) == 0) {
		snprintf(back, sizeof back, "%llu", (unsigned long long)id);
		if (strcmp(text, back) != 0)
			abort();
	}
}

/*
 * The input is a file of the queue as it lies there; then the message (as many
 * bytes as the first one says) and the envelope of one that is sealed.
 */
int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

int
LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
	struct span bytes = span((char const *)data, size);
	struct seal seal = {.message = size && data[0] < size ? data[0] : size};
	char line[SEAL_SIZE];
	struct entry e;

	name_check(bytes);
	if (read_file(&e, bytes, span("", 0)) == ENTRY_GOOD)
		entry_check(&e, size);
	seal.envelope = size - seal.message;
	seal.crc = crc32c(0, bytes.s, bytes.len);
	seal_format(line, &seal);
	switch (read_file(&e, bytes, span(line, sizeof line))) {
	case ENTRY_GOOD: entry_check(&e, size + sizeof line); break;
	case ENTRY_BROKEN: break; /* its envelope is none */
	default: abort();
	}
	return 0;
}
