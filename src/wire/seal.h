#ifndef WIRE_SEAL_H
#define WIRE_SEAL_H

#include <stdint.h>

/*
 * The last bytes of a queue entry, one line of text of a fixed size:
 *
 *   tern1 MESSAGE ENVELOPE CRC\n
 *
 * the lengths of the message and of the envelope (16 hexadecimal digits each)
 * and the CRC-32C of both together (8). A file that does not end in a seal
 * which agrees with its content is not an entry.
 */
enum { SEAL_SIZE = 6 + 16 + 1 + 16 + 1 + 8 + 1 };

struct seal {
	uint64_t message;  /* bytes */
	uint64_t envelope; /* bytes */
	uint32_t crc;
};

void seal_format(char line[SEAL_SIZE], struct seal const *seal);

/* Returns 0, or -1 when the SEAL_SIZE bytes at line are not a seal. */
int seal_parse(struct seal *seal, char const line[SEAL_SIZE]);

/*
 * Whether these bytes, which seal_parse refused, were a seal before something
 * damaged them: then the file was a message, and is not the remnant of an
 * arrival that broke off.
 */
int seal_resembles(char const line[SEAL_SIZE]);

#endif
