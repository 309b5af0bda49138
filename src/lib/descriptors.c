#include "lib/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

int
descriptors_open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	return fd == -1 ? -1 : close(fd);
}
