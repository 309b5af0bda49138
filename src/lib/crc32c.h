#ifndef LIB_CRC32C_H
#define LIB_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/*
 * CRC-32C (RFC 3720, appendix B.4) of len bytes at s, going on from crc;
 * the first call passes 0.
 */
uint32_t crc32c(uint32_t crc, void const *s, size_t len);

#endif
