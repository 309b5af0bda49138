#ifndef LIB_DESCRIPTORS_H
#define LIB_DESCRIPTORS_H

/*
 * Opens /dev/null for each of the descriptors 0, 1 and 2 that the caller left
 * closed, so that no file of ours takes its number. Returns 0, or -1 with errno.
 */
int descriptors_open_standard(void);

#endif
